// SPDX-License-Identifier: GPL-3.0-or-later
// Files and folders that are there whole or not at all: written beside their place, synced, then renamed.
#pragma once
#include <cstddef>
#include <filesystem>
#include <span>
#include <string_view>

namespace engine {

/// All members throw Error(Io) naming the file; until commit() nothing of it is left when this object goes.
class NewFile {
public:
    explicit NewFile(const std::filesystem::path& file);
    ~NewFile();
    NewFile(const NewFile&) = delete;
    NewFile& operator=(const NewFile&) = delete;
    void write(std::span<const std::byte> bytes);
    void write(std::string_view text);
    void commit();

private:
    [[noreturn]] void fail(const char* doing) const;

    std::filesystem::path m_path, m_temporary;
    int m_descriptor = -1;
};

/// A folder to be filled at path(); gone unless committed. A folder already at its place changes places with it, so that there is
/// one at every moment, and is then removed. Throws Error(Io).
class NewFolder {
public:
    explicit NewFolder(const std::filesystem::path& folder);
    ~NewFolder();
    NewFolder(const NewFolder&) = delete;
    NewFolder& operator=(const NewFolder&) = delete;
    const std::filesystem::path& path() const { return m_temporary; }
    void commit();

private:
    std::filesystem::path m_path, m_temporary;
};

/// Throws Error(BadInput) where no name was given to write to.
void requireNamed(const std::filesystem::path& out);
/// Throws Error(BadInput) where a file, or a folder that holds something, is already.
void requireFree(const std::filesystem::path& folder);
/// Of a file to be written. Throws Error(BadInput) where no name was given, or a file or folder is already.
void requireFreeFile(const std::filesystem::path& file);
/// Makes a rename or a new name in this folder survive a power cut. Throws Error(Io).
void syncFolder(const std::filesystem::path& folder);
/// A name beside `path` that nothing has: ".name.3f9c…".
std::filesystem::path temporaryBeside(const std::filesystem::path& path);

} // namespace engine
