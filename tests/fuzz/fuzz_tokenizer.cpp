// SPDX-License-Identifier: GPL-3.0-or-later
// Even first byte: the rest is a tokenizer.json, which may be refused but not crash, and which encodes any text. Odd: the rest is
// a text, whose tokens give it back.
#include "engine/text/tokenizer.h"
#include "tests/support/tiny_model.h"

#include <cstdlib>
#include <fstream>
#include <unistd.h>

namespace {

namespace fs = std::filesystem;

fs::path newFolder() {
    std::string name = (fs::temp_directory_path() / "phibench-fuzz-XXXXXX").string();
    if (!mkdtemp(name.data())) std::abort();
    static fs::path folder;
    folder = name;
    std::atexit([] { fs::remove_all(folder); });
    return folder;
}

void tryFile(const fs::path& folder, std::string_view bytes) {
    std::ofstream(folder / "tokenizer.json", std::ios::binary).write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    try {
        const engine::Tokenizer tokenizer = engine::Tokenizer::fromFolder(folder);
        for (std::string_view text : {std::string_view("The 12 caf\xC3\xA9s'\n\n \xFF don't  <|end|>"), bytes.substr(0, 2000)}) {
            const std::vector<std::int32_t> ids = tokenizer.encode(text);
            for (std::int32_t id : ids)
                if (id < 0 || id >= tokenizer.size()) std::abort();
            tokenizer.decode(ids, true);
        }
    } catch (const engine::Error&) {}
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const fs::path folder = newFolder();
    static const engine::Tokenizer tiny = [] {
        testing_support::writeTinyTokenizer(folder);
        engine::Tokenizer made = engine::Tokenizer::fromFolder(folder);
        fs::remove(folder / "tokenizer_config.json");
        return made;
    }();
    if (size == 0) return 0;
    const std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    if (data[0] % 2 == 0)
        tryFile(folder, rest);
    else if (tiny.decode(tiny.encode(rest)) != rest)
        std::abort();
    return 0;
}
