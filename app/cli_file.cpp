// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_file.h"

#include "engine/error.h"

#include <fstream>
#include <iostream>
#include <iterator>

namespace app {

using engine::Error;
using engine::ErrorCode;

std::string readWhole(const std::filesystem::path& file) {
    if (file == "-") return {std::istreambuf_iterator<char>(std::cin), {}};
    std::ifstream in(file, std::ios::binary);
    if (!in || std::filesystem::is_directory(file))
        throw Error(ErrorCode::NotFound, file.string() + " cannot be read.", "Is the path right?");
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    if (in.bad()) throw Error(ErrorCode::Io, file.string() + " cannot be read.");
    return bytes;
}

} // namespace app
