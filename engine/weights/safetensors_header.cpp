// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/safetensors_header.h"
#include "engine/error.h"

#include <algorithm>
#include <array>
#include <limits>
#include <nlohmann/json.hpp>
#include <unordered_set>

namespace engine {

namespace {

using Json = nlohmann::json;

constexpr std::size_t kMostDimensions = 16;

/// Follows the only structure a header may have, so neither depth nor unknown keys can grow.
class HeaderReader final : public nlohmann::json_sax<Json> {
public:
    SafetensorsHeader take() { return std::move(m_header); }

    bool start_object(std::size_t) override {
        switch (m_state) {
        case State::Start: m_state = State::Names; return true;
        case State::TensorStart:
            m_state = State::Tensor;
            m_seen = 0;
            return true;
        case State::MetadataStart: m_state = State::Metadata; return true;
        default: return unexpected("an object");
        }
    }
    bool end_object() override {
        if (m_state == State::Tensor) {
            if (m_seen != (kDtype | kShape | kOffsets)) refuse("needs dtype, shape and data_offsets.");
            m_state = State::Names;
        } else if (m_state == State::Metadata) {
            m_state = State::Names;
        } else {
            m_state = State::End;
        }
        return true;
    }
    bool key(string_t& name) override {
        if (m_state == State::Names) {
            m_name = name;
            if (!m_names.insert(name).second) refuse("comes twice.");
            m_state = name == "__metadata__" ? State::MetadataStart : State::TensorStart;
            if (m_state == State::TensorStart) m_header.entries.push_back({name, {}, {}, 0, 0});
        } else if (m_state == State::Metadata) {
            m_key = name;
            if (m_header.metadata.contains(name))
                throw Error(ErrorCode::BadInput, "__metadata__ holds " + quote(name) + " twice.");
        } else {
            once(name == "dtype" ? kDtype : name == "shape" ? kShape : name == "data_offsets" ? kOffsets : 0, name);
        }
        return true;
    }
    bool start_array(std::size_t) override {
        if (m_state == State::ShapeStart)
            m_state = State::Shape;
        else if (m_state == State::OffsetsStart)
            m_state = State::Offsets, m_offsets = 0;
        else
            return unexpected("a list");
        return true;
    }
    bool end_array() override {
        if (m_state == State::Offsets && m_offsets != 2) refuse("needs two data_offsets.");
        m_state = State::Tensor;
        return true;
    }
    bool string(string_t& value) override {
        if (m_state == State::Metadata)
            m_header.metadata.emplace(m_key, std::move(value));
        else if (m_state == State::Dtype)
            m_header.entries.back().dtype = std::move(value), m_state = State::Tensor;
        else
            return unexpected("a text");
        return true;
    }
    bool number_unsigned(number_unsigned_t value) override {
        HeaderEntry& entry = m_header.entries.empty() ? m_none : m_header.entries.back();
        if (m_state == State::Shape) {
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max()))
                refuse("has a dimension of " + std::to_string(value) + ".");
            if (entry.shape.size() == kMostDimensions)
                refuse("has more than " + std::to_string(kMostDimensions) + " dimensions.");
            entry.shape.push_back(static_cast<std::int64_t>(value));
        } else if (m_state == State::Offsets && m_offsets < 2) {
            (m_offsets++ == 0 ? entry.begin : entry.end) = value;
        } else {
            return unexpected("a number");
        }
        return true;
    }
    bool number_integer(number_integer_t) override { return unexpected("a negative number"); }
    bool number_float(number_float_t, const string_t&) override { return unexpected("a number with a fraction or exponent"); }
    bool boolean(bool) override { return unexpected("true or false"); }
    bool null() override { return unexpected("null"); }
    bool binary(binary_t&) override { return unexpected("binary data"); }
    bool parse_error(std::size_t position, const std::string&, const nlohmann::detail::exception&) override {
        throw Error(ErrorCode::BadInput, "the header is not valid JSON (at its byte " + std::to_string(position) + ").");
    }

private:
    enum class State {
        Start,
        Names,
        TensorStart,
        Tensor,
        Dtype,
        ShapeStart,
        Shape,
        OffsetsStart,
        Offsets,
        MetadataStart,
        Metadata,
        End
    };
    static constexpr unsigned kDtype = 1, kShape = 2, kOffsets = 4;

    void once(unsigned part, const std::string& name) {
        if (part == 0) refuse("has an unknown key " + quote(name) + ".");
        if (m_seen & part) refuse("has the key " + quote(name) + " twice.");
        m_seen |= part;
        m_state = part == kDtype ? State::Dtype : part == kShape ? State::ShapeStart : State::OffsetsStart;
    }
    [[noreturn]] void refuse(const std::string& what) const {
        throw Error(ErrorCode::BadInput, "the tensor " + quote(m_name) + " " + what);
    }
    bool unexpected(const char* what) const {
        if (m_name.empty())
            throw Error(ErrorCode::BadInput, std::string("the header holds ") + what + " where tensors are listed.");
        throw Error(ErrorCode::BadInput, "the header's entry " + quote(m_name) + " holds " + what + " in the wrong place.");
    }

    SafetensorsHeader m_header;
    HeaderEntry m_none;
    std::unordered_set<std::string> m_names;
    std::string m_name, m_key;
    State m_state = State::Start;
    unsigned m_seen = 0, m_offsets = 0;
};

} // namespace

SafetensorsHeader parseSafetensorsHeader(std::string_view json) {
    if (json.empty() || json.front() != '{' || json.find('\0') != std::string_view::npos)
        throw Error(ErrorCode::BadInput, "the header is not JSON.");
    HeaderReader reader;
    Json::sax_parse(json.begin(), json.end(), &reader);
    return reader.take();
}

namespace {

constexpr std::array<DType, 10> kTypes{DType::Bool, DType::U8,  DType::I8,  DType::I16, DType::F16,
                                       DType::BF16, DType::I32, DType::F32, DType::F64, DType::I64};

} // namespace

std::optional<DType> safetensorsType(const std::string& name) {
    const auto at = std::find_if(kTypes.begin(), kTypes.end(), [&](DType type) { return toString(type) == name; });
    return at == kTypes.end() ? std::nullopt : std::optional(*at);
}

int safetensorsRank(DType type) {
    const auto at = std::find(kTypes.begin(), kTypes.end(), type);
    return at == kTypes.end() ? -1 : static_cast<int>(at - kTypes.begin());
}

std::optional<std::uint64_t> safetensorsSize(DType type, const std::vector<std::int64_t>& shape) {
    std::int64_t size = static_cast<std::int64_t>(byteSize(type, 1));
    for (std::int64_t dimension : shape)
        if (dimension < 0 || __builtin_mul_overflow(size, std::max<std::int64_t>(dimension, 1), &size)) return std::nullopt;
    return std::find(shape.begin(), shape.end(), 0) == shape.end() ? static_cast<std::uint64_t>(size) : 0;
}

} // namespace engine
