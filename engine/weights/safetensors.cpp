// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/safetensors.h"
#include "engine/files/mapped_file.h"
#include "engine/weights/safetensors_header.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <unordered_map>

namespace engine {

namespace {

static_assert(std::endian::native == std::endian::little, "safetensors and GGUF are mapped as they are");

constexpr std::uint64_t kLongestHeader = 100'000'000; // as the reference implementation

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
    file.refusePointer("weights");
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
        const auto type = safetensorsType(entry.dtype);
        if (!type)
            file.refuse(tensor + " holds numbers of type " + quote(entry.dtype) + ", which Phibench does not read.",
                        "Convert the model to BF16, F16 or F32.");
        const auto size = safetensorsSize(*type, entry.shape);
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

} // namespace engine
