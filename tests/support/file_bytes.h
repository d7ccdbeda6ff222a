// SPDX-License-Identifier: GPL-3.0-or-later
// Files as bytes, for tests that damage them.
#pragma once
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace testing_support {

inline std::string bytesOf(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

inline void put(const std::filesystem::path& file, const std::string& bytes) {
    std::filesystem::remove(file); // a new file: some file systems flush one that is cut short and written again
    std::ofstream(file, std::ios::binary) << bytes;
}

} // namespace testing_support
