// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/infer/finite.h"
#include "engine/error.h"

namespace engine {

void refuseNotFinite(const std::string& where) {
    throw Error(ErrorCode::BadInput, "The model computes numbers that are not finite " + where + ", so there is no result.",
                "Fetch the model's files again, train its adapter again with a lower train.learning_rate, or compute in fp32 "
                "(model.precision).");
}

} // namespace engine
