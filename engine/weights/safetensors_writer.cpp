// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/files/new_file.h"
#include "engine/weights/safetensors.h"
#include "engine/weights/safetensors_header.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

namespace engine {

SafetensorsWriter::SafetensorsWriter(const std::filesystem::path& file, const std::vector<TensorView>& tensors,
                                     const std::map<std::string, std::string>& metadata) {
    nlohmann::ordered_json header = nlohmann::ordered_json::object();
    if (!metadata.empty()) header["__metadata__"] = metadata;
    std::set<std::string> names;
    for (const TensorView& tensor : tensors) {
        const auto refuse = [&](const std::string& what) {
            throw Error(ErrorCode::BadInput, file.string() + ": the tensor " + quote(tensor.name) + " " + what);
        };
        if (safetensorsRank(tensor.type) < 0) refuse("is " + toString(tensor.type) + ", which this format cannot hold.");
        if (tensor.name == "__metadata__" || !names.insert(tensor.name).second)
            refuse("cannot be written under this name, or is given twice.");
        const auto size = safetensorsSize(tensor.type, tensor.shape);
        if (!size) refuse(shapeText(tensor.shape) + " is beyond any size.");
        header.emplace(tensor.name, nlohmann::ordered_json{{"dtype", toString(tensor.type)},
                                                           {"shape", tensor.shape},
                                                           {"data_offsets", {m_left, m_left + *size}}});
        m_left += *size;
    }
    std::string text;
    try {
        text = header.dump();
    } catch (const nlohmann::json::exception&) {
        throw Error(ErrorCode::BadInput, file.string() + ": a tensor's name or a metadata text is not UTF-8.");
    }
    text.append((8 - text.size() % 8) % 8, ' ');
    const std::uint64_t length = text.size();
    m_file = std::make_unique<NewFile>(file);
    m_file->write(std::as_bytes(std::span(&length, 1)));
    m_file->write(text);
}

SafetensorsWriter::~SafetensorsWriter() = default;

void SafetensorsWriter::write(std::span<const std::byte> bytes) {
    if (bytes.size() > m_left) throw Error(ErrorCode::Internal, "A tensor has more bytes than were announced.");
    m_file->write(bytes);
    m_left -= bytes.size();
}

void SafetensorsWriter::commit() {
    if (m_left != 0) throw Error(ErrorCode::Internal, "A tensor that was announced was not written.");
    m_file->commit();
}

void writeSafetensors(const std::filesystem::path& file, const std::vector<TensorView>& tensors,
                      const std::map<std::string, std::string>& metadata) {
    std::vector<TensorView> order = tensors;
    std::sort(order.begin(), order.end(), [](const TensorView& a, const TensorView& b) {
        const int first = safetensorsRank(a.type), second = safetensorsRank(b.type);
        return first != second ? first > second : a.name < b.name;
    });
    for (const TensorView& tensor : order)
        if (safetensorsRank(tensor.type) >= 0 && safetensorsSize(tensor.type, tensor.shape) != tensor.bytes.size())
            throw Error(ErrorCode::BadInput, file.string() + ": the tensor " + quote(tensor.name) + " " +
                                                 shapeText(tensor.shape) + " does not match its " +
                                                 std::to_string(tensor.bytes.size()) + " bytes.");
    SafetensorsWriter writer(file, order, metadata);
    for (const TensorView& tensor : order) writer.write(tensor.bytes);
    writer.commit();
}

} // namespace engine
