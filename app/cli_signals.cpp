// SPDX-License-Identifier: GPL-3.0-or-later
#include "app/cli_signals.h"

#include "app/cli_output.h"

#include <csignal>
#include <thread>
#include <unistd.h>

namespace app {

std::stop_token stopOnSignals() {
    sigset_t signals;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    // Blocked here and so in every thread to come; the one below takes them.
    pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    std::stop_source source;
    std::thread([signals, source]() mutable {
        int signal = 0;
        if (sigwait(&signals, &signal) != 0) return;
        source.request_stop();
        if (sigwait(&signals, &signal) == 0) _exit(130);
    }).detach();
    return source.get_token();
}

} // namespace app
