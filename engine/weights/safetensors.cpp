// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/safetensors.h"
#include "engine/weights/mapped_file.h"
#include "engine/weights/new_file.h"
#include "engine/weights/safetensors_header.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <unordered_map>

namespace engine {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors and GGUF are mapped as they are");

constexpr std::uint64_t kLongestHeader = 100'000'000; // as the reference implementation

// In the order in which the reference writer lays tensors out, last to first.
constexpr std::array<DType, 10> kTypes{DType::Bool, DType::U8,  DType::I8,  DType::I16, DType::F16,
                                       DType::BF16, DType::I32, DType::F32, DType::F64, DType::I64};

std::optional<DType> typeOf(const std::string& name) {
    const auto at = std::find_if(kTypes.begin(), kTypes.end(), [&](DType type) { return toString(type) == name; });
    return at == kTypes.end() ? std::nullopt : std::optional(*at);
}

/// Bytes of a tensor; empty when the product of any of its dimensions does not fit.
std::optional<std::uint64_t> sizeOf(DType type, const std::vector<std::int64_t>& shape) {
    std::int64_t size = static_cast<std::int64_t>(byteSize(type, 1));
    for (std::int64_t dimension : shape)
        if (dimension < 0 || __builtin_mul_overflow(size, std::max<std::int64_t>(dimension, 1), &size)) return std::nullopt;
    return std::find(shape.begin(), shape.end(), 0) == shape.end() ? static_cast<std::uint64_t>(size) : 0;
}

} // namespace

struct SafetensorsFile::Impl {
    explicit Impl(const std::filesystem::path& path) : file(path) {}
    MappedFile file;
    std::vector<TensorView> tensors;
    std::unordered_map<std::string, std::size_t> index;
    std::map<std::string, std::string> metadata;

    std::uint64_t headerLength() const;
    void addTensors(std::vector<HeaderEntry> entries, std::span<const std::byte> buffer);
};

std::uint64_t SafetensorsFile::Impl::headerLength() const {
    const auto bytes = file.bytes();
    std::uint64_t length = 0;
    if (bytes.size() < sizeof length)
        file.refuse("this is no safetensors file: it has " + std::to_string(bytes.size()) + " bytes.");
    std::memcpy(&length, bytes.data(), sizeof length);
    if (length > kLongestHeader)
        file.refuse("this is no safetensors file: its header would have " + std::to_string(length) + " bytes.");
    if (length > bytes.size() - sizeof length)
        file.refuse("the header needs " + std::to_string(length) + " bytes after the first 8, the file has " +
                    std::to_string(bytes.size()) + " bytes in all.");
    return length;
}

void SafetensorsFile::Impl::addTensors(std::vector<HeaderEntry> entries, std::span<const std::byte> buffer) {
    std::stable_sort(entries.begin(), entries.end(), [](const HeaderEntry& a, const HeaderEntry& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t expected = 0;
    tensors.reserve(entries.size());
    for (HeaderEntry& entry : entries) {
        const std::string tensor = "the tensor " + quote(entry.name);
        const std::string at = "data_offsets [" + std::to_string(entry.begin) + ", " + std::to_string(entry.end) + "]";
        if (entry.begin != expected || entry.end < entry.begin)
            file.refuse(tensor + " has the " + at + ", but the tensor before it ends at " + std::to_string(expected) + ".");
        const auto type = typeOf(entry.dtype);
        if (!type)
            file.refuse(tensor + " holds numbers of type " + quote(entry.dtype) + ", which Phibench does not read.",
                        "Convert the model to BF16, F16 or F32.");
        const auto size = sizeOf(*type, entry.shape);
        if (!size || *size != entry.end - entry.begin)
            file.refuse(tensor + " " + shapeText(entry.shape) + " of " + entry.dtype +
                        (size ? " needs " + std::to_string(*size) + " bytes" : " is beyond any size") + ", but its " + at +
                        " hold " + std::to_string(entry.end - entry.begin) + ".");
        if (entry.end > buffer.size())
            file.refuse(tensor + " ends at byte " + std::to_string(entry.end) + " of the data, the file has " +
                        std::to_string(buffer.size()) + " bytes of data.");
        expected = entry.end;
        index.emplace(entry.name, tensors.size());
        tensors.push_back({std::move(entry.name), *type, std::move(entry.shape), buffer.subspan(entry.begin, *size)});
    }
    if (expected != buffer.size())
        file.refuse("the tensors end at byte " + std::to_string(expected) + " of the data, but the file has " +
                    std::to_string(buffer.size()) + " bytes of data.");
}

SafetensorsFile::SafetensorsFile(const std::filesystem::path& file) : m_impl(std::make_unique<Impl>(file)) {
    const auto bytes = m_impl->file.bytes();
    const std::uint64_t length = m_impl->headerLength();
    SafetensorsHeader header;
    try {
        header = parseSafetensorsHeader({reinterpret_cast<const char*>(bytes.data()) + 8, length});
    } catch (const Error& error) { m_impl->file.refuse(error.message()); }
    m_impl->metadata = std::move(header.metadata);
    m_impl->addTensors(std::move(header.entries), bytes.subspan(8 + length));
}

SafetensorsFile::~SafetensorsFile() = default;
SafetensorsFile::SafetensorsFile(SafetensorsFile&&) noexcept = default;
SafetensorsFile& SafetensorsFile::operator=(SafetensorsFile&&) noexcept = default;

const std::filesystem::path& SafetensorsFile::path() const {
    return m_impl->file.path();
}
const std::vector<TensorView>& SafetensorsFile::tensors() const {
    return m_impl->tensors;
}
const std::map<std::string, std::string>& SafetensorsFile::metadata() const {
    return m_impl->metadata;
}

const TensorView* SafetensorsFile::find(const std::string& name) const {
    const auto at = m_impl->index.find(name);
    return at == m_impl->index.end() ? nullptr : &m_impl->tensors[at->second];
}

void writeSafetensors(const std::filesystem::path& file, const std::vector<TensorView>& tensors,
                      const std::map<std::string, std::string>& metadata) {
    const auto refuse = [&](const TensorView& tensor, const std::string& what) {
        throw Error(ErrorCode::BadInput, file.string() + ": the tensor " + quote(tensor.name) + " " + what);
    };
    const auto rank = [](DType type) { return std::find(kTypes.begin(), kTypes.end(), type) - kTypes.begin(); };
    std::vector<const TensorView*> order;
    std::set<std::string> names;
    for (const TensorView& tensor : tensors) {
        if (rank(tensor.type) == std::ssize(kTypes))
            refuse(tensor, "is " + toString(tensor.type) + ", which this format cannot hold.");
        if (sizeOf(tensor.type, tensor.shape) != tensor.bytes.size())
            refuse(tensor, shapeText(tensor.shape) + " does not match its " + std::to_string(tensor.bytes.size()) + " bytes.");
        if (tensor.name == "__metadata__" || !names.insert(tensor.name).second)
            refuse(tensor, "cannot be written under this name, or is given twice.");
        order.push_back(&tensor);
    }
    std::sort(order.begin(), order.end(), [&](const TensorView* a, const TensorView* b) {
        return rank(a->type) != rank(b->type) ? rank(a->type) > rank(b->type) : a->name < b->name;
    });
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::uint64_t offset = 0;
    for (const TensorView* tensor : order) {
        header.emplace(tensor->name, nlohmann::ordered_json{{"dtype", toString(tensor->type)},
                                                            {"shape", tensor->shape},
                                                            {"data_offsets", {offset, offset + tensor->bytes.size()}}});
        offset += tensor->bytes.size();
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorCode::BadInput, file.string() + ": a tensor's name or a metadata text is not UTF-8.");
    }
    text.append((8 - text.size() % 8) % 8, ' ');
    const std::uint64_t length = text.size();
    NewFile out(file);
    out.write(std::as_bytes(std::span(&length, 1)));
    out.write(text);
    for (const TensorView* tensor : order) out.write(tensor->bytes);
    out.commit();
}

} // namespace engine
