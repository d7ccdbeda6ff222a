// SPDX-License-Identifier: GPL-3.0-or-later
// SHA-256 (FIPS 180-4) of bytes and files.
#pragma once
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace engine {

class Sha256 {
public:
    Sha256();
    void update(const void* data, std::size_t size);
    std::string hex(); // 64 lower-case digits; ends the computation

private:
    void block(const unsigned char* data);
    std::array<std::uint32_t, 8> m_state;
    std::array<unsigned char, 64> m_buffer{};
    std::uint64_t m_length = 0;
};

std::string sha256(std::string_view bytes);
/// Throws Error(NotFound, Io).
std::string sha256File(const std::filesystem::path& file);

} // namespace engine
