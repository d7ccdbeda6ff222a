// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/files/mapped_file.h"

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <fcntl.h>
#include <string_view>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

namespace engine {

MappedFile::MappedFile(const std::filesystem::path& file) : m_path(file) {
    const auto fail = [&](int code) {
        const bool missing = code == ENOENT || code == ENOTDIR;
        throw Error(missing ? ErrorCode::NotFound : ErrorCode::Io,
                    file.string() + (missing ? " is not there." : std::string(" cannot be read: ") + std::strerror(code) + "."));
    };
    const int descriptor = ::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK); // a pipe must not hold us up
    if (descriptor < 0) fail(errno);
    struct stat facts {};
    void* at = MAP_FAILED;
    int code = 0;
    if (::fstat(descriptor, &facts) != 0) {
        code = errno;
    } else if (S_ISREG(facts.st_mode) && facts.st_size > 0) {
        at = ::mmap(nullptr, static_cast<std::size_t>(facts.st_size), PROT_READ, MAP_PRIVATE, descriptor, 0);
        code = at == MAP_FAILED ? errno : 0;
    }
    ::close(descriptor);
    if (code != 0) fail(code);
    if (!S_ISREG(facts.st_mode)) refuse("this is a folder or device where a file is needed.", {});
    if (at != MAP_FAILED) m_bytes = {static_cast<const std::byte*>(at), static_cast<std::size_t>(facts.st_size)};
}

MappedFile::~MappedFile() {
    if (!m_bytes.empty()) ::munmap(const_cast<std::byte*>(m_bytes.data()), m_bytes.size());
}

void MappedFile::refuse(const std::string& what, const std::string& hint) const {
    throw Error(ErrorCode::BadInput, m_path.string() + ": " + what, hint);
}

void MappedFile::refusePointer(const std::string& content) const {
    constexpr std::string_view kBegin = "version https://git-lfs.github.com/spec/";
    if (m_bytes.size() >= kBegin.size() && std::memcmp(m_bytes.data(), kBegin.data(), kBegin.size()) == 0)
        refuse("this is a Git LFS pointer, not the " + content + ".", "Run git lfs pull in the repository that it came with.");
}

void releasePages(std::span<const std::byte> bytes) {
    const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
    const auto at = reinterpret_cast<std::uintptr_t>(bytes.data());
    const std::uintptr_t begin = (at + page - 1) / page * page, end = (at + bytes.size()) / page * page; // whole pages only
    if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

} // namespace engine
