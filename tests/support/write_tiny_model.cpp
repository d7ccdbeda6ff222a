// SPDX-License-Identifier: GPL-3.0-or-later
// write_tiny_model FOLDER|FILE.gguf key=value…: the tests' tiny random model, for scripts of the peers.
#include "engine/error.h"
#include "tests/support/tiny_gguf.h"
#include "tests/support/tiny_model_text.h"

#include <iostream>

int main(int count, char** arguments) {
    if (count < 2 || arguments[1][0] == '-') {
        std::cerr << "usage: write_tiny_model FOLDER|FILE.gguf [key=value…]\n";
        return 2;
    }
    std::string options;
    for (int i = 2; i < count; ++i) options += std::string(arguments[i]) + ' ';
    try {
        const std::filesystem::path to = arguments[1];
        const testing_support::TinyModelOptions model = testing_support::tinyModelOptions(options);
        if (to.extension() == ".gguf")
            testing_support::writeTinyGguf(to, model);
        else
            testing_support::writeTinyModel(to, model);
    } catch (const std::exception& error) {
        std::cerr << "write_tiny_model: " << error.what() << '\n';
        return 1;
    }
    return 0;
}
