// SPDX-License-Identifier: GPL-3.0-or-later
// Work in parts, on every core, without libtorch.
#pragma once
#include <cstddef>
#include <functional>

namespace engine {

/// How many threads forEachPart works on.
std::size_t partThreads();

/// Calls run(part, thread) once for each part below `count`, in about that order, on this thread and others; `thread` is below
/// partThreads() and no two calls have it at a time. What a call throws is thrown here, once all threads have ended; parts not
/// begun by then are left out.
void forEachPart(std::size_t count, const std::function<void(std::size_t part, std::size_t thread)>& run);

} // namespace engine
