// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/weights/gguf_writer.h"
#include "engine/files/new_file.h"

#include <algorithm>
#include <array>
#include <limits>
#include <set>

namespace engine {

namespace {

constexpr std::uint64_t kAlignment = 32;
constexpr std::size_t kLongestName = 63, kMostDimensions = 4;

enum ValueType : std::uint32_t { U32 = 4, I32 = 5, F32 = 6, Bool = 7, String = 8, Array = 9 };

std::uint64_t padded(std::uint64_t size) {
    return (size + kAlignment - 1) / kAlignment * kAlignment;
}

/// The file's beginning: what it says before the tensors' bytes.
class Header {
public:
    explicit Header(const std::string& where) : m_where(where) {}

    void key(const std::string& name, const GgufFile::Value& value) {
        text(name);
        std::visit([&](const auto& v) { typed(name, v); }, value);
    }
    void text(const std::string& value) {
        append(static_cast<std::uint64_t>(value.size()));
        m_bytes += value;
    }
    template <class T> void append(T value) { m_bytes.append(reinterpret_cast<const char*>(&value), sizeof value); }
    std::string& bytes() { return m_bytes; }

private:
    template <class T> T fitting(const std::string& key, std::int64_t value) const {
        if (value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max())
            throw Error(ErrorCode::BadInput,
                        m_where + ": " + key + " is " + std::to_string(value) + ", which GGUF cannot hold there.");
        return static_cast<T>(value);
    }
    void typed(const std::string& name, std::int64_t value) {
        append(U32);
        append(fitting<std::uint32_t>(name, value));
    }
    void typed(const std::string&, double value) {
        append(F32);
        append(static_cast<float>(value));
    }
    void typed(const std::string&, bool value) {
        append(Bool);
        append(static_cast<std::uint8_t>(value));
    }
    void typed(const std::string&, const std::string& value) {
        append(String);
        text(value);
    }
    void list(ValueType type, std::size_t size) {
        append(Array);
        append(type);
        append(static_cast<std::uint64_t>(size));
    }
    void typed(const std::string&, const std::vector<std::string>& values) {
        list(String, values.size());
        for (const std::string& value : values) text(value);
    }
    void typed(const std::string& name, const std::vector<std::int64_t>& values) {
        list(I32, values.size());
        for (const std::int64_t value : values) append(fitting<std::int32_t>(name, value));
    }
    void typed(const std::string&, const std::vector<double>& values) {
        list(F32, values.size());
        for (const double value : values) append(static_cast<float>(value));
    }

    const std::string& m_where;
    std::string m_bytes;
};

std::uint64_t sizeOf(const TensorView& tensor, const std::string& where) {
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::BadInput,
                    where + ": the tensor " + quote(tensor.name) + " " + shapeText(tensor.shape) + " cannot be written: " + what);
    };
    if (tensor.name.size() > kLongestName) refuse("its name is longer than 63 bytes.");
    if (tensor.shape.empty() || tensor.shape.size() > kMostDimensions) refuse("it has not one to four dimensions.");
    if (tensor.shape.back() % static_cast<std::int64_t>(blockSize(tensor.type)) != 0)
        refuse("rows of " + toString(tensor.type) + " are multiples of " + std::to_string(blockSize(tensor.type)) + ".");
    return byteSize(tensor.type, static_cast<std::size_t>(tensor.count()));
}

} // namespace

GgufWriter::GgufWriter(const std::filesystem::path& file, const GgufMetadata& metadata, const std::vector<TensorView>& tensors) {
    const std::string where = file.string();
    Header header(where);
    header.bytes() = "GGUF";
    header.append(std::uint32_t{3});
    header.append(static_cast<std::uint64_t>(tensors.size()));
    header.append(static_cast<std::uint64_t>(metadata.size()));
    std::set<std::string> keys, names;
    for (const auto& [key, value] : metadata) {
        if (!keys.insert(key).second) throw Error(ErrorCode::Internal, where + ": the key " + quote(key) + " is given twice.");
        header.key(key, value);
    }
    std::uint64_t offset = 0;
    for (const TensorView& tensor : tensors) {
        if (!names.insert(tensor.name).second)
            throw Error(ErrorCode::Internal, where + ": the tensor " + quote(tensor.name) + " is given twice.");
        m_sizes.push_back(sizeOf(tensor, where));
        header.text(tensor.name);
        header.append(static_cast<std::uint32_t>(tensor.shape.size()));
        for (auto size = tensor.shape.rbegin(); size != tensor.shape.rend(); ++size) header.append(*size);
        header.append(ggmlTypeOf(tensor.type));
        header.append(offset);
        offset += padded(m_sizes.back());
    }
    m_file = std::make_unique<NewFile>(file);
    m_file->write(header.bytes());
    m_position = header.bytes().size();
    m_total = padded(m_position) + offset;
    pad();
}

GgufWriter::~GgufWriter() = default;

void GgufWriter::pad() {
    static constexpr std::array<std::byte, kAlignment> kZeros{};
    const std::uint64_t missing = padded(m_position) - m_position;
    m_file->write(std::span(kZeros).first(missing));
    m_position += missing;
}

void GgufWriter::write(std::span<const std::byte> bytes) {
    if (m_next == m_sizes.size() || bytes.size() != m_sizes[m_next])
        throw Error(ErrorCode::Internal, "A tensor of a GGUF file is of another size than was announced.");
    m_file->write(bytes);
    m_position += bytes.size();
    ++m_next;
    pad();
}

void GgufWriter::commit() {
    if (m_next != m_sizes.size()) throw Error(ErrorCode::Internal, "A tensor of a GGUF file was announced and not written.");
    m_file->commit();
}

} // namespace engine
