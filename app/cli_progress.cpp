// SPDX-License-Identifier: GPL-3.0-or-later
// The progress line of phibench-cli.
#include "app/cli_output.h"
#include "engine/words/utf8.h"

#include <algorithm>
#include <cmath>
#include <iostream>
#include <sys/ioctl.h>
#include <unistd.h>

namespace app {

namespace {

constexpr int kBarCells = 24;
constexpr std::chrono::milliseconds kRedraw{50};

std::string bar(double share) {
    const auto full = static_cast<int>(std::lround(std::clamp(share, 0.0, 1.0) * kBarCells));
    std::string text;
    for (int i = 0; i < kBarCells; ++i) text += i < full ? "█" : "░";
    return text;
}

std::size_t terminalWidth() {
    winsize size{};
    return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 20 ? size.ws_col : 80;
}

Json stepJson(const engine::StepEvent& e) {
    return {{"event", "step"},
            {"run", e.run},
            {"step", e.step},
            {"loss", e.loss},
            {"lr", e.lr},
            {"grad_norm", e.grad_norm},
            {"tokens_per_second", e.tokens_per_second},
            {"examples_per_second", e.examples_per_second},
            {"eta_seconds", e.eta_seconds}};
}

Json evalJson(const engine::EvalEvent& e) {
    Json json{{"event", "eval"}, {"run", e.run}, {"step", e.step}, {"loss", e.loss}};
    for (const engine::Measure& measure : engine::measures())
        if (const auto value = e.measured.of(measure)) json[measure.key] = *value;
    return json;
}

std::string rates(double examplesPerSecond, double etaSeconds) {
    std::string text;
    if (examplesPerSecond > 0) text += "  " + numberText(examplesPerSecond, 1) + " examples/s";
    if (etaSeconds >= 0) text += "  " + secondsText(etaSeconds) + " left";
    return text;
}

} // namespace

Progress::Progress(bool json) : m_json(json), m_terminal(isatty(STDERR_FILENO) != 0) {}

Progress::~Progress() {
    clear();
}

void Progress::clear() {
    if (m_shown) std::cerr << "\r\033[K" << std::flush;
    m_shown = false;
}

void Progress::show(const std::string& text, double share) {
    const auto now = std::chrono::steady_clock::now();
    if (!m_terminal || (m_shown && now - m_last < kRedraw && share < 1)) return;
    m_last = now;
    m_shown = true;
    std::cerr << '\r' << engine::firstCharacters((share >= 0 ? bar(share) + "  " : std::string()) + text, terminalWidth() - 1)
              << "\033[K" << std::flush;
}

void Progress::tell(const Json& event) {
    if (!m_json || m_lost || writeJson(event)) return;
    m_lost = true;
    clear();
    std::cerr << "warning: standard output can be written no longer. The run goes on and is recorded.\n";
}

void Progress::operator()(const engine::Event& event) {
    if (const auto* step = std::get_if<engine::StepEvent>(&event)) {
        tell(stepJson(*step));
        const double share = step->steps > 0 ? double(step->step) / double(step->steps) : -1;
        show("train  step " + std::to_string(step->step) + "/" + std::to_string(step->steps) + "  loss " +
                 numberText(step->loss, 3) + rates(step->examples_per_second, step->eta_seconds),
             share);
    } else if (const auto* eval = std::get_if<engine::EvalEvent>(&event)) {
        tell(evalJson(*eval));
        clear();
        std::cerr << "step " << eval->step << ": eval loss " << numberText(eval->loss, 4) << ", "
                  << briefText(eval->measured, ", ") << '\n';
    } else if (const auto* progress = std::get_if<engine::ProgressEvent>(&event)) {
        if (!m_terminal && progress->stage != m_stage) std::cerr << engine::wordOf(progress->stage) << '\n';
        m_stage = progress->stage;
        if (progress->stage == engine::Stage::Train && progress->done > 0) return; // the steps tell more
        const double share = progress->total > 0 ? double(progress->done) / double(progress->total) : -1;
        show(wordOf(progress->stage) + rates(progress->examples_per_second, progress->eta_seconds), share);
    } else if (const auto* token = std::get_if<engine::TokenEvent>(&event)) {
        clear();
        if (!m_json) std::cout << token->text << std::flush;
    } else if (const auto* log = std::get_if<engine::LogEvent>(&event)) {
        clear();
        std::cerr << (log->severity == engine::Severity::Note ? "note: " : "warning: ") << log->message << '\n';
    }
}

} // namespace app
