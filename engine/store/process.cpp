// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/store/process.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <sstream>
#include <unistd.h>

namespace engine {

namespace {

std::string fileText(const std::string& path) {
    std::ifstream stream(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
}

struct Stat {
    char state = 0;
    std::string start;
};

// The program's name, in brackets, may hold anything; what follows the last bracket is words. Empty start: not readable.
Stat statOf(std::int64_t pid) {
    const std::string text = fileText("/proc/" + std::to_string(pid) + "/stat");
    const auto bracket = text.rfind(')');
    if (bracket == std::string::npos) return {};
    std::istringstream words(text.substr(bracket + 1));
    Stat stat;
    std::string word;
    words >> stat.state;
    for (int field = 4; field <= 22 && words >> word; ++field)
        if (field == 22) stat.start = word;
    return stat;
}

std::string bootAndNamespace() {
    std::string boot = fileText("/proc/sys/kernel/random/boot_id");
    while (!boot.empty() && boot.back() == '\n') boot.pop_back();
    std::array<char, 64> link{};
    const ssize_t length = ::readlink("/proc/self/ns/pid", link.data(), link.size());
    return boot + " " + std::string(link.data(), length > 0 ? static_cast<std::size_t>(length) : 0);
}

} // namespace

ProcessId currentProcess() {
    ProcessId me;
    me.pid = ::getpid();
    me.start = statOf(me.pid).start;
    me.boot = bootAndNamespace();
    std::array<char, 256> host{};
    if (::gethostname(host.data(), host.size() - 1) == 0) me.host = host.data();
    return me;
}

Liveness liveness(const ProcessId& process) {
    const ProcessId me = currentProcess();
    const auto bootOf = [](const std::string& text) { return text.substr(0, text.find(' ')); };
    if (bootOf(process.boot) != bootOf(me.boot)) return process.host == me.host ? Liveness::Gone : Liveness::Unknown;
    if (process.boot != me.boot) return Liveness::Unknown;
    if (process.pid <= 0) return Liveness::Gone;
    if (::kill(static_cast<pid_t>(process.pid), 0) != 0 && errno == ESRCH) return Liveness::Gone;
    const Stat stat = statOf(process.pid);
    if (stat.start.empty()) return Liveness::Alive; // there, and hidden from us
    const bool ended = stat.state == 'Z' || stat.state == 'X' || stat.state == 'x';
    return ended || stat.start != process.start ? Liveness::Gone : Liveness::Alive;
}

} // namespace engine
