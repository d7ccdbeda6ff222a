// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/files/new_file.h"
#include "engine/error.h"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fcntl.h>
#include <random>
#include <unistd.h>

namespace engine {

namespace {

std::filesystem::path folderOf(const std::filesystem::path& file) {
    return file.has_parent_path() ? file.parent_path() : std::filesystem::path(".");
}

[[noreturn]] void failWith(const std::filesystem::path& file, const char* doing, int code) {
    throw Error(ErrorCode::Io, file.string() + " cannot be " + doing + ": " + std::strerror(code) + ".",
                code == ENOSPC || code == EDQUOT ? "Make room on the disk or choose another folder." : "");
}

} // namespace

std::filesystem::path temporaryBeside(const std::filesystem::path& path) {
    std::random_device device;
    char suffix[20];
    std::snprintf(suffix, sizeof suffix, ".%08x%08x", device(), device());
    return folderOf(path) / ("." + path.filename().string().substr(0, 200) + suffix);
}

void syncFolder(const std::filesystem::path& folder) {
    const int descriptor = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor < 0) failWith(folder, "opened", errno);
    const int code = ::fsync(descriptor) == 0 || errno == EINVAL ? 0 : errno; // some file systems cannot sync a folder
    ::close(descriptor);
    if (code != 0) failWith(folder, "synced", code);
}

void requireNamed(const std::filesystem::path& out) {
    if (out.empty()) throw Error(ErrorCode::BadInput, "--out is empty.", "Give the path of what is to be written.");
}

void requireFreeFile(const std::filesystem::path& file) {
    requireNamed(file);
    std::error_code problem;
    if (std::filesystem::is_directory(file, problem))
        throw Error(ErrorCode::BadInput, file.string() + " is a folder, but a file is to be written.",
                    "Give the name of a file, in this folder or another.");
    requireFree(file);
}

void requireFree(const std::filesystem::path& folder) {
    std::error_code problem;
    if (!std::filesystem::exists(std::filesystem::symlink_status(folder, problem))) return;
    if (!std::filesystem::is_directory(folder, problem) || !std::filesystem::is_empty(folder, problem))
        throw Error(ErrorCode::BadInput, folder.string() + " is there already.", "Give a new name.");
}

NewFile::NewFile(const std::filesystem::path& file) : m_path(file), m_temporary(temporaryBeside(file)) {
    m_descriptor = ::open(m_temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (m_descriptor < 0) fail("written");
}

NewFile::~NewFile() {
    if (m_descriptor >= 0) ::close(m_descriptor);
    if (!m_temporary.empty()) ::unlink(m_temporary.c_str());
}

void NewFile::fail(const char* doing) const {
    failWith(m_path, doing, errno);
}

void NewFile::write(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t done = ::write(m_descriptor, bytes.data(), std::min(bytes.size(), std::size_t{1} << 30));
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) fail("written");
        bytes = bytes.subspan(static_cast<std::size_t>(done));
    }
}

void NewFile::write(std::string_view text) {
    write(std::as_bytes(std::span(text.data(), text.size())));
}

void NewFile::commit() {
    if (::fsync(m_descriptor) != 0) fail("synced");
    const int descriptor = m_descriptor;
    m_descriptor = -1;
    if (::close(descriptor) != 0) fail("written");
    if (::rename(m_temporary.c_str(), m_path.c_str()) != 0) fail("renamed into place");
    m_temporary.clear();
    syncFolder(folderOf(m_path));
}

NewFolder::NewFolder(const std::filesystem::path& folder) : m_path(folder), m_temporary(temporaryBeside(folder)) {
    std::error_code failed;
    std::filesystem::create_directories(m_temporary, failed);
    if (failed) failWith(m_path, "written", failed.value());
}

NewFolder::~NewFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(m_temporary, ignored);
}

void NewFolder::commit() {
    syncFolder(m_temporary);
    std::error_code ignored;
    const unsigned flags = std::filesystem::exists(m_path, ignored) ? RENAME_EXCHANGE : RENAME_NOREPLACE;
    if (::renameat2(AT_FDCWD, m_temporary.c_str(), AT_FDCWD, m_path.c_str(), flags) != 0) {
        if (errno != EINVAL && errno != ENOSYS) failWith(m_path, "renamed into place", errno);
        std::filesystem::remove_all(m_path, ignored); // a file system that knows neither flag
        if (::rename(m_temporary.c_str(), m_path.c_str()) != 0) failWith(m_path, "renamed into place", errno);
    }
    syncFolder(folderOf(m_path));
}

} // namespace engine
