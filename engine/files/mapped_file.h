// SPDX-License-Identifier: GPL-3.0-or-later
// A file's bytes, mapped read-only.
#pragma once
#include "engine/error.h"

#include <cstddef>
#include <filesystem>
#include <span>

namespace engine {

class MappedFile {
public:
    /// Throws Error(NotFound, Io) naming the file; BadInput for what is no regular file.
    explicit MappedFile(const std::filesystem::path& file);
    ~MappedFile();
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    const std::filesystem::path& path() const { return m_path; }
    std::span<const std::byte> bytes() const { return m_bytes; }
    /// Throws Error(BadInput) "path: what".
    [[noreturn]] void refuse(const std::string& what,
                             const std::string& hint = "The file is damaged or incomplete: fetch or write it again.") const;

    /// Throws Error(BadInput) where Git left a pointer in place of the file that Git LFS keeps. `content`: what is missed.
    void refusePointer(const std::string& content) const;

private:
    std::filesystem::path m_path;
    std::span<const std::byte> m_bytes;
};

/// Gives the memory of mapped bytes back to the system; they are read from the file again when they are next looked at.
void releasePages(std::span<const std::byte> bytes);

} // namespace engine
