// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/gguf_reader.h"

#include <limits>

namespace engine {

namespace {

enum GgufType : std::uint32_t { U8, I8, U16, I16, U32, I32, F32, Bool, String, Array, U64, I64, F64 };

constexpr std::uint64_t kLongestList = std::uint64_t{1} << 24; // a vocabulary has a million entries at most

std::size_t sizeOf(std::uint32_t type) {
    switch (type) {
    case U8:
    case I8:
    case Bool: return 1;
    case U16:
    case I16: return 2;
    case U32:
    case I32:
    case F32: return 4;
    case String:
    case U64:
    case I64:
    case F64: return 8; // a string's length
    default: return 0;
    }
}

bool isReal(std::uint32_t type) {
    return type == F32 || type == F64;
}

} // namespace

void GgufReader::need(std::uint64_t bytes, const std::string& what) const {
    if (bytes > left())
        m_file.refuse(what + " needs " + std::to_string(bytes) + " bytes at byte " + std::to_string(m_position) +
                      ", but the file ends after " + std::to_string(left()) + ".");
}

std::string GgufReader::text(const std::string& what) {
    const auto size = read<std::uint64_t>(what);
    need(size, what);
    std::string value(reinterpret_cast<const char*>(m_file.bytes().data()) + m_position, size);
    m_position += size;
    return value;
}

std::int64_t GgufReader::integer(std::uint32_t type, const std::string& what) {
    switch (type) {
    case U8: return read<std::uint8_t>(what);
    case I8: return read<std::int8_t>(what);
    case U16: return read<std::uint16_t>(what);
    case I16: return read<std::int16_t>(what);
    case U32: return read<std::uint32_t>(what);
    case I32: return read<std::int32_t>(what);
    case I64: return read<std::int64_t>(what);
    case Bool: {
        const auto value = read<std::uint8_t>(what);
        if (value > 1) m_file.refuse(what + " is " + std::to_string(value) + " where true or false is needed.");
        return value;
    }
    default: {
        const auto value = read<std::uint64_t>(what);
        if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
            m_file.refuse(what + " is " + std::to_string(value) + ", beyond 63 bits.", {});
        return static_cast<std::int64_t>(value);
    }
    }
}

template <class T> std::vector<T> GgufReader::numbers(std::uint32_t type, std::uint64_t count, const std::string& what) {
    std::vector<T> values;
    values.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) {
        if constexpr (std::is_same_v<T, double>)
            values.push_back(type == F32 ? read<float>(what) : read<double>(what));
        else
            values.push_back(integer(type, what));
    }
    return values;
}

GgufFile::Value GgufReader::list(const std::string& what) {
    const auto type = read<std::uint32_t>(what);
    const auto count = read<std::uint64_t>(what);
    if (type == Array) m_file.refuse(what + " is a list of lists, which GGUF does not allow.");
    if (sizeOf(type) == 0) m_file.refuse(what + " is a list of the unknown type " + std::to_string(type) + ".");
    if (count > kLongestList) m_file.refuse(what + " has " + std::to_string(count) + " entries.");
    need(count * sizeOf(type), what);
    if (isReal(type)) return numbers<double>(type, count, what);
    if (type != String) return numbers<std::int64_t>(type, count, what);
    std::vector<std::string> values;
    values.reserve(count);
    for (std::uint64_t i = 0; i < count; ++i) values.push_back(text(what));
    return values;
}

GgufFile::Value GgufReader::value(const std::string& key) {
    const std::string what = "the key " + quote(key);
    const auto type = read<std::uint32_t>(what);
    if (type == Array) return list(what);
    if (type == String) return text(what);
    if (type == F32) return static_cast<double>(read<float>(what));
    if (type == F64) return read<double>(what);
    if (sizeOf(type) == 0) m_file.refuse(what + " has the unknown type " + std::to_string(type) + ".");
    const std::int64_t number = integer(type, what);
    if (type == Bool) return number != 0;
    return number;
}

} // namespace engine
