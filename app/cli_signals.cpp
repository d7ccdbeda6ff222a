// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_signals.h"

#include <csignal>
#include <thread>
#include <unistd.h>

namespace app {

namespace {

/// nohup's way of saying that the program is to outlive its terminal.
bool isIgnored(int signal) {
    struct sigaction action {};
    return sigaction(signal, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

} // namespace

std::stop_token stopOnSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGINT, SIGTERM, SIGQUIT}) sigaddset(&signals, signal);
    if (!isIgnored(SIGHUP)) sigaddset(&signals, SIGHUP); // a blocked signal waits even where it is ignored
    // Blocked here and so in every thread to come; the one below takes them.
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::stop_source source;
    std::thread([signals, source]() mutable {
        int signal = 0;
        for (int asked = 0; sigwait(&signals, &signal) == 0;) {
            source.request_stop();
            // A terminal that closes may hang up several times: only people are impatient.
            if (signal != SIGHUP && ++asked > 1) _exit(130);
        }
    }).detach();
    return source.get_token();
}

} // namespace app
