// SPDX-License-Identifier: GPL-3.0-or-later
// A GGUF file made key by key and tensor by tensor.
#pragma once
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

namespace testing_support {

class GgufBytes {
public:
    void text(const std::string& key, const std::string& value) { begin(key, 8) += string(value); }
    void number(const std::string& key, std::uint32_t value) { begin(key, 4) += raw(value); }
    void real(const std::string& key, float value) { begin(key, 6) += raw(value); }
    void flag(const std::string& key, bool value) { begin(key, 7) += static_cast<char>(value); }
    void texts(const std::string& key, const std::vector<std::string>& values) {
        std::string& bytes = begin(key, 9) += raw(std::uint32_t(8)) + raw(std::uint64_t(values.size()));
        for (const std::string& value : values) bytes += string(value);
    }
    void numbers(const std::string& key, const std::vector<std::int32_t>& values) {
        std::string& bytes = begin(key, 9) += raw(std::uint32_t(5)) + raw(std::uint64_t(values.size()));
        for (std::int32_t value : values) bytes += raw(value);
    }
    void floats(const std::string& key, const std::vector<float>& values) {
        std::string& bytes = begin(key, 9) += raw(std::uint32_t(6)) + raw(std::uint64_t(values.size()));
        for (float value : values) bytes += raw(value);
    }
    /// float32, in torch's order of dimensions.
    void tensor(const std::string& name, const std::vector<std::int64_t>& shape, const std::vector<float>& values) {
        ++m_tensors;
        m_records += string(name) + raw(static_cast<std::uint32_t>(shape.size()));
        for (auto size = shape.rbegin(); size != shape.rend(); ++size) m_records += raw(*size);
        m_records += raw(std::uint32_t(0)) + raw(std::uint64_t(m_data.size()));
        for (float value : values) m_data += raw(value);
        m_data.resize((m_data.size() + 31) / 32 * 32);
    }
    void write(const std::filesystem::path& file) const {
        std::string bytes = "GGUF" + raw(std::uint32_t(3)) + raw(m_tensors) + raw(m_keys) + m_bytes + m_records;
        bytes.resize((bytes.size() + 31) / 32 * 32);
        std::ofstream(file, std::ios::binary) << bytes << m_data;
    }

private:
    template <typename T> static std::string raw(T value) {
        std::string bytes(sizeof value, '\0');
        std::memcpy(bytes.data(), &value, sizeof value);
        return bytes;
    }
    static std::string string(const std::string& value) { return raw(std::uint64_t(value.size())) + value; }
    std::string& begin(const std::string& key, std::uint32_t type) {
        ++m_keys;
        return m_bytes += string(key) + raw(type);
    }
    std::uint64_t m_keys = 0, m_tensors = 0;
    std::string m_bytes, m_records, m_data;
};

} // namespace testing_support
