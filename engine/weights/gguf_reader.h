// SPDX-License-Identifier: GPL-3.0-or-later
// GGUF's numbers, strings and lists, each checked against what is left of the file.
#pragma once
#include "engine/files/mapped_file.h"
#include "engine/weights/gguf.h"

#include <cstring>

namespace engine {

class GgufReader {
public:
    explicit GgufReader(const MappedFile& file) : m_file(file) {}
    std::size_t position() const { return m_position; }
    std::size_t left() const { return m_file.bytes().size() - m_position; }

    template <class T> T read(const std::string& what) {
        T value;
        need(sizeof value, what);
        std::memcpy(&value, m_file.bytes().data() + m_position, sizeof value);
        m_position += sizeof value;
        return value;
    }
    std::string text(const std::string& what);
    /// A metadata value: its type, then it.
    GgufFile::Value value(const std::string& key);

private:
    void need(std::uint64_t bytes, const std::string& what) const;
    template <class T> std::vector<T> numbers(std::uint32_t type, std::uint64_t count, const std::string& what);
    std::int64_t integer(std::uint32_t type, const std::string& what);
    GgufFile::Value list(const std::string& what);

    const MappedFile& m_file;
    std::size_t m_position = 0;
};

} // namespace engine
