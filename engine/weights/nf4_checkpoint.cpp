// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/nf4_checkpoint.h"
#include "engine/files/json_file.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

namespace engine {

namespace {

constexpr std::size_t kLargestState = 65536;
constexpr std::array<const char*, 6> kParts{".absmax",
                                            ".quant_map",
                                            ".nested_absmax",
                                            ".nested_quant_map",
                                            ".quant_state.bitsandbytes__nf4",
                                            ".quant_state.bitsandbytes__fp4"};

class Reader {
public:
    Reader(const std::string& name, const std::function<const TensorView*(const std::string&)>& find)
        : m_name(name), m_find(find) {}

    std::optional<Nf4Weight> read() const {
        if (m_find(m_name + ".quant_state.bitsandbytes__fp4"))
            refuse(m_name, "is quantised as FP4, which Phibench does not read.", "Quantise the model as NF4.");
        const TensorView* state = m_find(m_name + ".quant_state.bitsandbytes__nf4");
        if (!state) return {};
        const nlohmann::json json = parseState(*state);
        Nf4Weight weight;
        weight.shape = shape(json);
        weight.dtype = text(json, "dtype");
        if (weight.dtype != "bfloat16" && weight.dtype != "float16" && weight.dtype != "float32")
            refuse(m_name, "was of the type " + quote(weight.dtype) + ".");
        if (text(json, "quant_type") != "nf4")
            refuse(m_name, "has the quant_type " + quote(text(json, "quant_type")) + "; nf4 is needed.");
        weight.block = block(json, "blocksize");
        const std::size_t count = static_cast<std::size_t>(TensorView{{}, {}, weight.shape, {}}.count());
        const TensorView& codes = part("");
        if (codes.bytes.size() != nf4Bytes(count))
            refuse(m_name, "has " + std::to_string(codes.bytes.size()) + " bytes; " + shapeText(weight.shape) +
                               " in 4 bits needs " + std::to_string(nf4Bytes(count)) + ".");
        weight.codes = {reinterpret_cast<const std::uint8_t*>(codes.bytes.data()), codes.bytes.size()};
        checkMap();
        weight.absmax = scales(json, nf4Blocks(count, weight.block));
        return weight;
    }

private:
    [[noreturn]] void
    refuse(const std::string& name, const std::string& what,
           const std::string& hint = "The checkpoint is damaged, or of another version of bitsandbytes.") const {
        throw Error(ErrorCode::BadInput, "The tensor " + quote(name) + " " + what, hint);
    }
    const TensorView& part(const char* ending) const {
        const TensorView* tensor = m_find(m_name + ending);
        if (!tensor) refuse(m_name + ending, "is missing, without which " + quote(m_name) + " cannot be read.");
        return *tensor;
    }
    std::vector<float> floats(const char* ending, std::size_t count) const {
        const TensorView& tensor = part(ending);
        const bool real = tensor.type == DType::F32 || tensor.type == DType::F16 || tensor.type == DType::BF16;
        if (!real || static_cast<std::size_t>(tensor.count()) != count)
            refuse(tensor.name, shapeText(tensor.shape) + " of " + toString(tensor.type) + " should hold " +
                                    std::to_string(count) + " real numbers.");
        std::vector<float> values(count);
        toFloat(tensor, values.data());
        const auto wrong = std::find_if(values.begin(), values.end(), [](float value) { return !std::isfinite(value); });
        if (wrong != values.end())
            refuse(tensor.name, "holds a NaN or infinite value at [" + std::to_string(wrong - values.begin()) + "].");
        return values;
    }
    nlohmann::json parseState(const TensorView& state) const {
        if (state.type != DType::U8 || state.bytes.size() > kLargestState)
            refuse(state.name, "should hold a short JSON text as bytes.");
        return parseJsonObject({reinterpret_cast<const char*>(state.bytes.data()), state.bytes.size()},
                               "The tensor " + quote(state.name));
    }
    std::string text(const nlohmann::json& json, const char* key) const {
        if (!json.contains(key) || !json[key].is_string()) refuse(m_name, std::string("has no ") + key + " in its quant_state.");
        return json[key].get<std::string>();
    }
    std::size_t block(const nlohmann::json& json, const char* key) const {
        const std::int64_t size = json.contains(key) && json[key].is_number_unsigned() ? json[key].get<std::int64_t>() : 0;
        if (size < 32 || size > 4096 || !std::has_single_bit(static_cast<std::uint64_t>(size)))
            refuse(m_name, std::string("needs a ") + key + " that is a power of two from 32 to 4096 in its quant_state.");
        return static_cast<std::size_t>(size);
    }
    std::vector<std::int64_t> shape(const nlohmann::json& json) const {
        std::vector<std::int64_t> sizes;
        std::int64_t product = 1;
        const bool list =
            json.contains("shape") && json["shape"].is_array() && !json["shape"].empty() && json["shape"].size() <= 8;
        if (!list) refuse(m_name, "has no shape in its quant_state.");
        for (const auto& size : json["shape"]) {
            if (!size.is_number_unsigned() || size.get<std::uint64_t>() == 0 ||
                size.get<std::uint64_t>() > (std::uint64_t{1} << 40) ||
                __builtin_mul_overflow(product, size.get<std::int64_t>(), &product))
                refuse(m_name, "has the shape " + json["shape"].dump() + " in its quant_state.");
            sizes.push_back(size.get<std::int64_t>());
        }
        return sizes;
    }
    /// PyTorch ignores the map that the file holds, so one that differs would be read as other numbers there.
    void checkMap() const {
        const std::vector<float> map = floats(".quant_map", 16);
        for (std::size_t i = 0; i < 16; ++i)
            if (!(std::abs(map[i] - nf4Values()[i]) < 1e-6f)) refuse(m_name + ".quant_map", "is not NF4's.");
    }
    std::vector<float> scales(const nlohmann::json& json, std::size_t count) const {
        const TensorView* nested = m_find(m_name + ".nested_absmax");
        if (!nested) return floats(".absmax", count);
        const TensorView& codes = part(".absmax");
        if (codes.type != DType::U8 || codes.bytes.size() != count)
            refuse(codes.name, "should hold " + std::to_string(count) + " bytes.");
        if (!json.contains("nested_offset") || !json["nested_offset"].is_number())
            refuse(m_name, "has no nested_offset in its quant_state.");
        const std::size_t size = block(json, "nested_blocksize");
        const std::vector<float> absmax = floats(".nested_absmax", nf4Blocks(count, size)),
                                 map = floats(".nested_quant_map", 256);
        return dequantizeScales({reinterpret_cast<const std::uint8_t*>(codes.bytes.data()), count}, absmax, size,
                                std::span<const float, 256>(map.data(), 256),
                                static_cast<float>(json["nested_offset"].get<double>()));
    }

    const std::string& m_name;
    const std::function<const TensorView*(const std::string&)>& m_find;
};

} // namespace

std::optional<Nf4Weight> readNf4(const std::string& name, const std::function<const TensorView*(const std::string&)>& find) {
    return Reader(name, find).read();
}

bool isNf4Part(const std::string& name) {
    return std::any_of(kParts.begin(), kParts.end(), [&](const std::string& part) { return name.ends_with(".weight" + part); });
}

} // namespace engine
