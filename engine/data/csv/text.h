// SPDX-License-Identifier: GPL-3.0-or-later
// The bytes of a CSV: held where they are few or were converted, else read from the file again, a window at a time.
#pragma once
#include <cstddef>
#include <filesystem>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <string_view>

namespace engine {

/// Room for a window of a file, used again for the next one.
class CsvBuffer {
public:
    /// Room for `size` bytes and CsvText::kBeyond more; what it held is lost.
    char* room(std::size_t size);

private:
    std::unique_ptr<char[]> m_bytes;
    std::size_t m_size = 0;
};

/// May be read by several threads at once. Files are read, not mapped: one that is cut short meanwhile must not end the program.
class CsvText {
public:
    static constexpr std::size_t kBeyond = 64; // bytes after every view that may be read, whatever they hold

    /// Throws Error (NotFound, Io; BadInput: no file, over 8 GiB). A file of up to `held` bytes is read now.
    static std::shared_ptr<const CsvText> open(const std::filesystem::path& path, std::stop_token stop = {},
                                               std::size_t held = kHeld);
    /// Text in memory. `sha256` is that of the bytes it was made of; empty: of these.
    static std::shared_ptr<const CsvText> take(std::string text, const std::filesystem::path& name, std::string sha256 = {});
    ~CsvText();
    CsvText(const CsvText&) = delete;
    CsvText& operator=(const CsvText&) = delete;

    const std::filesystem::path& path() const { return m_path; }
    std::size_t size() const { return m_size; }
    bool isHeld() const { return m_file < 0; }
    /// `count` bytes from `offset` on, or those up to the end; valid until `buffer` is used again. Throws Error(Io), also when
    /// the file has changed.
    std::string_view view(std::size_t offset, std::size_t count, CsvBuffer& buffer) const;
    /// Throws Error(Io), which says that the file has changed.
    [[noreturn]] void refuseChanged() const;
    /// Of the file's bytes; computed when first asked for. Throws StopRequested, and as view does.
    std::string sha256(std::stop_token stop = {}) const;

private:
    static constexpr std::size_t kHeld = std::size_t{64} << 20;

    explicit CsvText(std::filesystem::path path) : m_path(std::move(path)) {}
    void read(char* to, std::size_t offset, std::size_t count) const;

    std::filesystem::path m_path;
    CsvBuffer m_read; // the file, where it is held
    std::string m_taken;
    const char* m_bytes = nullptr; // those of either
    std::size_t m_size = 0;
    int m_file = -1;
    std::int64_t m_seconds = 0, m_nanoseconds = 0; // when the file was changed last
    mutable std::mutex m_lock;                     // of m_sha256
    mutable std::string m_sha256;
};

} // namespace engine
