// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/kernels/parallel.h"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

namespace engine {

std::size_t partThreads() {
    constexpr unsigned kMost = 16; // what reads memory gains nothing from more
    static const std::size_t count = std::clamp(std::thread::hardware_concurrency(), 1u, kMost);
    return count;
}

void forEachPart(std::size_t count, const std::function<void(std::size_t part, std::size_t thread)>& run) {
    std::atomic<std::size_t> next = 0;
    std::exception_ptr problem;
    std::mutex problemLock;
    const auto work = [&](std::size_t thread) {
        try {
            for (std::size_t part = next++; part < count; part = next++) run(part, thread);
        } catch (...) {
            next = count;
            const std::lock_guard lock(problemLock);
            if (!problem) problem = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> others;
        try {
            for (std::size_t thread = 1; thread < std::min(partThreads(), count); ++thread) others.emplace_back(work, thread);
        } catch (const std::system_error&) { // fewer threads do
        }
        work(0);
    }
    if (problem) std::rethrow_exception(problem);
}

} // namespace engine
