// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/exports/event_file.h"

#include <array>
#include <bit>

namespace engine {

namespace {

constexpr std::uint32_t kPolynomial = 0x82F63B78; // reflected

constexpr std::array<std::uint32_t, 256> kRemainders = [] {
    std::array<std::uint32_t, 256> table{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t rest = byte;
        for (int bit = 0; bit < 8; ++bit) rest = rest & 1 ? rest >> 1 ^ kPolynomial : rest >> 1;
        table[byte] = rest;
    }
    return table;
}();

template <class T> void appendLittleEndian(std::string& out, T value) {
    for (std::size_t i = 0; i < sizeof value; ++i) out += static_cast<char>(value >> 8 * i);
}

/// A protobuf message, field by field.
class Message {
public:
    Message& number(int field, std::int64_t value) {
        tag(field, 0);
        varint(static_cast<std::uint64_t>(value));
        return *this;
    }
    Message& real(int field, double value) {
        tag(field, 1);
        appendLittleEndian(m_bytes, std::bit_cast<std::uint64_t>(value));
        return *this;
    }
    Message& real(int field, float value) {
        tag(field, 5);
        appendLittleEndian(m_bytes, std::bit_cast<std::uint32_t>(value));
        return *this;
    }
    Message& bytes(int field, std::string_view value) {
        tag(field, 2);
        varint(value.size());
        m_bytes += value;
        return *this;
    }
    Message& message(int field, const Message& value) { return bytes(field, value.m_bytes); }
    const std::string& written() const { return m_bytes; }

private:
    void tag(int field, int wire) { varint(static_cast<std::uint64_t>(field << 3 | wire)); }
    void varint(std::uint64_t value) {
        for (; value > 0x7F; value >>= 7) m_bytes += static_cast<char>(0x80 | (value & 0x7F));
        m_bytes += static_cast<char>(value);
    }

    std::string m_bytes;
};

Message event(double time) {
    return Message().real(1, time); // wall_time
}
Message summary(const Message& value) {
    return Message().message(1, value);
}

} // namespace

std::uint32_t crc32c(std::string_view bytes) {
    std::uint32_t rest = 0xFFFFFFFF;
    for (const char c : bytes) rest = kRemainders[(rest ^ static_cast<unsigned char>(c)) & 0xFF] ^ rest >> 8;
    return ~rest;
}

std::uint32_t maskedCrc32c(std::string_view bytes) {
    return std::rotr(crc32c(bytes), 15) + 0xA282EAD8;
}

EventFile::EventFile(double time) {
    record(event(time).bytes(3, "brain.Event:2").written()); // file_version
}

void EventFile::scalar(double time, std::int64_t step, std::string_view tag, float value) {
    const Message point = Message().bytes(1, tag).real(2, value); // tag, simple_value
    record(event(time).number(2, step).message(5, summary(point)).written());
}

void EventFile::text(double time, std::string_view tag, std::string_view markdown) {
    const Message metadata = Message().message(1, Message().bytes(1, "text")); // plugin_data.plugin_name
    constexpr int kString = 7;                                                 // DT_STRING
    const Message shape = Message().message(2, Message().number(1, 1));        // [1]
    const Message tensor = Message().number(1, kString).message(2, shape).bytes(8, markdown);
    const Message point = Message().bytes(1, tag).message(9, metadata).message(8, tensor);
    record(event(time).number(2, 0).message(5, summary(point)).written());
}

void EventFile::record(std::string_view event) {
    std::string length;
    appendLittleEndian(length, static_cast<std::uint64_t>(event.size()));
    m_bytes += length;
    appendLittleEndian(m_bytes, maskedCrc32c(length));
    m_bytes += event;
    appendLittleEndian(m_bytes, maskedCrc32c(event));
}

} // namespace engine
