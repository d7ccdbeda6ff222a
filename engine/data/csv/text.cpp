// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/data/csv/text.h"

#include "engine/error.h"
#include "engine/files/sha256.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace engine {
namespace {

constexpr std::uintmax_t kMostBytes = std::uintmax_t{8} << 30;
constexpr std::size_t kChunk = 1 << 20;

} // namespace

char* CsvBuffer::room(std::size_t size) {
    if (!m_bytes || size > m_size) {
        m_bytes.reset(); // before there are two
        m_bytes = std::make_unique_for_overwrite<char[]>(size + CsvText::kBeyond);
        m_size = size;
        std::memset(m_bytes.get() + size, 0, CsvText::kBeyond);
    }
    return m_bytes.get();
}

std::shared_ptr<const CsvText> CsvText::open(const std::filesystem::path& path, std::stop_token stop, std::size_t held) {
    std::error_code error;
    const std::filesystem::file_status status = std::filesystem::status(path, error);
    if (!std::filesystem::exists(status))
        throw Error(ErrorCode::NotFound, "There is no file " + path.string() + ".", "Check data.csv.");
    if (!std::filesystem::is_regular_file(status))
        throw Error(ErrorCode::BadInput, path.string() + " is not a file.", "Choose a CSV file.");
    const std::shared_ptr<CsvText> text(new CsvText(path));
    text->m_file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (text->m_file < 0) throw Error(ErrorCode::Io, path.string() + " cannot be opened: " + std::strerror(errno) + ".");
    struct stat facts {};
    if (::fstat(text->m_file, &facts) != 0)
        throw Error(ErrorCode::Io, "The size of " + path.string() + " cannot be read: " + std::strerror(errno) + ".");
    if (static_cast<std::uintmax_t>(facts.st_size) > kMostBytes)
        throw Error(ErrorCode::BadInput, path.string() + " is larger than 8 GiB.", "Take a part of it.");
    text->m_size = static_cast<std::size_t>(facts.st_size);
    text->m_seconds = facts.st_mtim.tv_sec;
    text->m_nanoseconds = facts.st_mtim.tv_nsec;
    if (text->m_size > held) return text;

    char* const bytes = text->m_read.room(text->m_size);
    for (std::size_t at = 0; at < text->m_size; at += kChunk) {
        if (stop.stop_requested()) throw StopRequested{};
        text->read(bytes + at, at, std::min(kChunk, text->m_size - at));
    }
    text->m_bytes = bytes;
    ::close(text->m_file);
    text->m_file = -1;
    return text;
}

std::shared_ptr<const CsvText> CsvText::take(std::string bytes, const std::filesystem::path& name, std::string sha256) {
    const std::shared_ptr<CsvText> text(new CsvText(name));
    text->m_size = bytes.size();
    bytes.append(kBeyond, '\0');
    text->m_taken = std::move(bytes);
    text->m_bytes = text->m_taken.data();
    text->m_sha256 = std::move(sha256);
    return text;
}

CsvText::~CsvText() {
    if (m_file >= 0) ::close(m_file);
}

void CsvText::refuseChanged() const {
    throw Error(ErrorCode::Io, m_path.string() + " changed after it was opened.", "Open it again.");
}

void CsvText::read(char* to, std::size_t offset, std::size_t count) const {
    while (count > 0) {
        const ssize_t got = ::pread(m_file, to, count, static_cast<off_t>(offset));
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) throw Error(ErrorCode::Io, m_path.string() + " cannot be read: " + std::strerror(errno) + ".");
        if (got == 0) refuseChanged();
        to += got;
        offset += static_cast<std::size_t>(got);
        count -= static_cast<std::size_t>(got);
    }
    struct stat facts {};
    if (::fstat(m_file, &facts) != 0)
        throw Error(ErrorCode::Io, m_path.string() + " cannot be read: " + std::strerror(errno) + ".");
    if (static_cast<std::size_t>(facts.st_size) != m_size || facts.st_mtim.tv_sec != m_seconds ||
        facts.st_mtim.tv_nsec != m_nanoseconds)
        refuseChanged();
}

std::string_view CsvText::view(std::size_t offset, std::size_t count, CsvBuffer& buffer) const {
    offset = std::min(offset, m_size);
    count = std::min(count, m_size - offset);
    if (isHeld()) return {m_bytes + offset, count};
    char* const to = buffer.room(count);
    read(to, offset, count);
    return {to, count};
}

std::string CsvText::sha256(std::stop_token stop) const {
    const std::lock_guard lock(m_lock);
    if (!m_sha256.empty()) return m_sha256;
    Sha256 hash;
    CsvBuffer buffer;
    for (std::size_t at = 0; at < m_size; at += kChunk) {
        if (stop.stop_requested()) throw StopRequested{};
        const std::string_view bytes = view(at, kChunk, buffer);
        hash.update(bytes.data(), bytes.size());
    }
    return m_sha256 = hash.hex();
}

} // namespace engine
