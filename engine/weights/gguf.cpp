// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/gguf.h"
#include "engine/weights/gguf_reader.h"

#include <algorithm>
#include <bit>
#include <unordered_map>

namespace engine {

namespace {

constexpr std::size_t kLongestName = 63;
constexpr std::uint32_t kMostDimensions = 4;

/// Types of ggml.h that are not read, by name for the refusal.
struct UnreadType {
    std::uint32_t id;
    const char* name;
};
constexpr UnreadType kUnread[] = {{9, "Q8_1"},   {15, "Q8_K"},  {16, "IQ2_XXS"}, {17, "IQ2_XS"}, {18, "IQ3_XXS"}, {19, "IQ1_S"},
                                  {21, "IQ3_S"}, {22, "IQ2_S"}, {29, "IQ1_M"},   {34, "TQ1_0"},  {35, "TQ2_0"},   {39, "MXFP4"}};

std::string readableTypes() {
    std::string names;
    for (const DTypeFacts& type : dtypes())
        if (type.gguf >= 0 && type.toFloat) names += std::string(names.empty() ? "" : ", ") + type.name;
    return names;
}

/// The smallest space a key with its value, or a tensor's record, can take: bounds their number before anything is allocated.
constexpr std::size_t kSmallestKey = 8 + 4 + 1, kSmallestTensor = 8 + 4 + 4 + 8;

constexpr const char* kPeftOnly = "Phibench reads adapters in PEFT's format: a folder with adapter_config.json and "
                                  "adapter_model.safetensors.";

} // namespace

struct GgufFile::Impl {
    explicit Impl(const std::filesystem::path& path) : file(path) { readAll(); }

    MappedFile file;
    std::vector<std::pair<std::string, Value>> metadata;
    std::vector<TensorView> tensors;
    std::unordered_map<std::string, std::size_t> keys, names;

    void readAll();
    std::uint64_t count(GgufReader& reader, const char* what, std::size_t smallest) const;
    void readMetadata(GgufReader& reader, std::uint64_t count);
    std::uint64_t alignment() const;
    TensorView readTensor(GgufReader& reader) const;
    void placeTensors(const std::vector<std::uint64_t>& offsets, std::size_t end, std::uint64_t step);
};

std::uint64_t GgufFile::Impl::count(GgufReader& reader, const char* what, std::size_t smallest) const {
    const auto number = reader.read<std::int64_t>(std::string("the number of ") + what);
    if (number < 0 || static_cast<std::uint64_t>(number) > reader.left() / smallest)
        file.refuse("it claims " + std::to_string(number) + " " + what + ", more than its " +
                    std::to_string(file.bytes().size()) + " bytes can hold.");
    return static_cast<std::uint64_t>(number);
}

void GgufFile::Impl::readMetadata(GgufReader& reader, std::uint64_t number) {
    metadata.reserve(number);
    for (std::uint64_t i = 0; i < number; ++i) {
        std::string key = reader.text("the name of key " + std::to_string(i));
        if (!keys.emplace(key, metadata.size()).second) file.refuse("the key " + quote(key) + " comes twice.");
        Value value = reader.value(key);
        metadata.emplace_back(std::move(key), std::move(value));
    }
}

std::uint64_t GgufFile::Impl::alignment() const {
    const auto at = keys.find("general.alignment");
    if (at == keys.end()) return 32;
    const auto* value = std::get_if<std::int64_t>(&metadata[at->second].second);
    if (!value || *value <= 0 || *value > 0xFFFFFFFF || !std::has_single_bit(static_cast<std::uint64_t>(*value)))
        file.refuse("general.alignment is " + (value ? std::to_string(*value) : "no number") + "; a power of two is needed.");
    return static_cast<std::uint64_t>(*value);
}

TensorView GgufFile::Impl::readTensor(GgufReader& reader) const {
    TensorView tensor;
    tensor.name = reader.text("the name of a tensor");
    const std::string what = "the tensor " + quote(tensor.name);
    if (tensor.name.size() > kLongestName)
        file.refuse(what + " has a name of " + std::to_string(tensor.name.size()) + " bytes; 63 are allowed.");
    const auto dimensions = reader.read<std::uint32_t>(what);
    if (dimensions > kMostDimensions) file.refuse(what + " has " + std::to_string(dimensions) + " dimensions; 4 are allowed.");
    for (std::uint32_t i = 0; i < dimensions; ++i) // the file has the fastest dimension first
        tensor.shape.insert(tensor.shape.begin(), reader.read<std::int64_t>(what));
    std::int64_t elements = 1;
    for (const std::int64_t size : tensor.shape) {
        if (size < 0) file.refuse(what + " has a dimension of " + std::to_string(size) + ".");
        if (__builtin_mul_overflow(elements, std::max<std::int64_t>(size, 1), &elements))
            file.refuse(what + " " + shapeText(tensor.shape) + " has a dimension of " +
                        std::to_string(*std::ranges::max_element(tensor.shape)) + ", more than a file can hold.");
    }
    const auto id = reader.read<std::uint32_t>(what);
    const auto known = std::ranges::find(dtypes(), static_cast<std::int64_t>(id),
                                         [](const DTypeFacts& type) { return std::int64_t{type.gguf}; });
    if (known == dtypes().end()) {
        const auto* unread = std::ranges::find(kUnread, id, &UnreadType::id);
        if (unread == std::end(kUnread)) file.refuse(what + " has the unknown type " + std::to_string(id) + ".");
        file.refuse(what + " is stored as " + unread->name + ", which Phibench does not read.",
                    "Use a file in these types: " + readableTypes() + ".");
    }
    tensor.type = known->type;
    const auto block = static_cast<std::int64_t>(blockSize(tensor.type));
    if (block > 1 && (tensor.shape.empty() || tensor.shape.back() % block != 0))
        file.refuse(what + " " + shapeText(tensor.shape) + " cannot be " + known->name + ": rows must be multiples of " +
                    std::to_string(block) + ".");
    return tensor;
}

void GgufFile::Impl::placeTensors(const std::vector<std::uint64_t>& offsets, std::size_t end, std::uint64_t step) {
    const std::uint64_t size = file.bytes().size();
    const auto padded = [&](std::uint64_t n) { return (n + step - 1) / step * step; }; // n is far below 2^63
    const std::uint64_t start = padded(end), room = size > start ? size - start : 0;
    std::uint64_t expected = 0;
    for (std::size_t i = 0; i < tensors.size(); ++i) {
        TensorView& tensor = tensors[i];
        const std::string what = "the tensor " + quote(tensor.name) + " " + shapeText(tensor.shape);
        if (offsets[i] != expected)
            file.refuse(what + " lies at byte " + std::to_string(offsets[i]) + " of the data; " + std::to_string(expected) +
                        " follows from the tensors before it.");
        const auto elements = static_cast<std::uint64_t>(tensor.count());
        const std::uint64_t most = expected > room ? 0 : room - expected;
        if (elements / blockSize(tensor.type) > most / byteSize(tensor.type, blockSize(tensor.type)) || expected > room)
            file.refuse(what + " of " + toString(tensor.type) + " does not fit: " + std::to_string(most) +
                        " bytes of the file are left for it.");
        const std::size_t bytes = byteSize(tensor.type, elements);
        if (bytes > 0) tensor.bytes = file.bytes().subspan(start + expected, bytes);
        expected += padded(bytes);
    }
}

void GgufFile::Impl::readAll() {
    file.refusePointer("weights");
    GgufReader reader(file);
    if (reader.left() < 4 || reader.read<std::uint32_t>("the magic number") != 0x46554747)
        file.refuse("this is no GGUF file: it does not begin with GGUF.", {});
    const auto version = reader.read<std::uint32_t>("the version");
    if ((version & 0xFFFF) == 0 && version != 0)
        file.refuse("this GGUF file is big-endian, which Phibench does not read.", "Convert it to little-endian.");
    if (version < 2 || version > 3)
        file.refuse("GGUF version " + std::to_string(version) + " is not supported; 2 and 3 are.",
                    "Convert the model with a current tool.");
    const std::uint64_t tensorCount = count(reader, "tensors", kSmallestTensor);
    const std::uint64_t keyCount = count(reader, "keys", kSmallestKey);
    readMetadata(reader, keyCount);
    const std::uint64_t step = alignment();
    std::vector<std::uint64_t> offsets;
    tensors.reserve(tensorCount);
    for (std::uint64_t i = 0; i < tensorCount; ++i) {
        tensors.push_back(readTensor(reader));
        if (!names.emplace(tensors.back().name, i).second)
            file.refuse("the tensor " + quote(tensors.back().name) + " comes twice.");
        offsets.push_back(reader.read<std::uint64_t>("the tensor " + quote(tensors.back().name)));
    }
    placeTensors(offsets, reader.position(), step);
}

std::uint32_t ggmlTypeOf(DType type) {
    const int number = factsOf(type).gguf;
    if (number < 0) throw Error(ErrorCode::Internal, "GGUF files have no " + toString(type) + ".");
    return static_cast<std::uint32_t>(number);
}

GgufFile::GgufFile(const std::filesystem::path& file) : m_impl(std::make_unique<Impl>(file)) {}
GgufFile::~GgufFile() = default;
GgufFile::GgufFile(GgufFile&&) noexcept = default;
GgufFile& GgufFile::operator=(GgufFile&&) noexcept = default;

const std::filesystem::path& GgufFile::path() const {
    return m_impl->file.path();
}
const std::vector<TensorView>& GgufFile::tensors() const {
    return m_impl->tensors;
}
const std::vector<std::pair<std::string, GgufFile::Value>>& GgufFile::metadata() const {
    return m_impl->metadata;
}

const TensorView* GgufFile::find(const std::string& name) const {
    const auto at = m_impl->names.find(name);
    return at == m_impl->names.end() ? nullptr : &m_impl->tensors[at->second];
}

const GgufFile::Value* GgufFile::value(const std::string& key) const {
    const auto at = m_impl->keys.find(key);
    return at == m_impl->keys.end() ? nullptr : &m_impl->metadata[at->second].second;
}

std::int64_t GgufFile::integer(const std::string& key) const {
    const Value* found = value(key);
    const auto* number = found ? std::get_if<std::int64_t>(found) : nullptr;
    if (!number) m_impl->file.refuse("the key " + quote(key) + (found ? " is no whole number." : " is missing."), {});
    return *number;
}

void requireModel(const GgufFile& file) {
    if (!file.value("general.type")) return;
    const std::string type = file.text("general.type");
    if (type == "model") return;
    const std::string where = file.path().string() + ": general.type is " + quote(type);
    if (type == "adapter")
        throw Error(ErrorCode::BadInput, where + ": this is an adapter in llama.cpp's format, not a model.", kPeftOnly);
    throw Error(ErrorCode::BadInput, where + ", but a model is needed.", "Give the .gguf file that holds the model itself.");
}

double GgufFile::number(const std::string& key) const {
    const Value* found = value(key);
    const auto* real = found ? std::get_if<double>(found) : nullptr;
    const auto* whole = found ? std::get_if<std::int64_t>(found) : nullptr;
    if (!real && !whole) m_impl->file.refuse("the key " + quote(key) + (found ? " is no number." : " is missing."), {});
    return real ? *real : static_cast<double>(*whole);
}

std::string GgufFile::text(const std::string& key) const {
    const Value* found = value(key);
    const auto* value = found ? std::get_if<std::string>(found) : nullptr;
    if (!value) m_impl->file.refuse("the key " + quote(key) + (found ? " is no text." : " is missing."), {});
    return *value;
}

} // namespace engine
