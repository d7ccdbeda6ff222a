// SPDX-License-Identifier: GPL-3.0-or-later
// A file that is there whole or not at all: written beside its place, synced, then renamed.
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

/// Makes a rename or a new name in this folder survive a power cut. Throws Error(Io).
void syncFolder(const std::filesystem::path& folder);
/// A name beside `path` that nothing has: ".name.3f9c…".
std::filesystem::path temporaryBeside(const std::filesystem::path& path);

} // namespace engine
