// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/architecture/family.h"
#include "engine/weights/tensor_view.h"

#include <algorithm>

namespace engine {

namespace families_list {
#define FAMILY(name) const Family& name();
#include "engine/architecture/families/list.h"
#undef FAMILY
} // namespace families_list

const std::vector<const Family*>& families() {
    static const std::vector<const Family*> all{
#define FAMILY(name) &families_list::name(),
#include "engine/architecture/families/list.h"
#undef FAMILY
    };
    return all;
}

const Family& familyNamed(const std::string& name) {
    const auto is = [&](const Family* family) { return family->name() == name; };
    const auto found = std::find_if(families().begin(), families().end(), is);
    if (found == families().end()) throw Error(ErrorCode::Internal, "There is no family of models called " + quote(name) + ".");
    return **found;
}

} // namespace engine
