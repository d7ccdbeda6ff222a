// SPDX-License-Identifier: GPL-3.0-or-later
#include "engine/jobs/machine.h"
#include "engine/jobs.h"
#include "engine/version.h"

#include <ATen/Parallel.h>
#include <ATen/Version.h>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sched.h>
#include <set>
#include <torch/version.h>

namespace engine {

namespace {

/// Cores that this process may use, counting two threads of one core once. 0: unknown.
int physicalCores(int& logical) {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return 0;
    logical = CPU_COUNT(&allowed);
    std::set<std::string> cores;
    for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
        if (!CPU_ISSET(cpu, &allowed)) continue;
        std::ifstream in("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/thread_siblings_list");
        std::string siblings;
        if (!std::getline(in, siblings)) return 0;
        cores.insert(siblings);
    }
    return static_cast<int>(cores.size());
}

std::string cpuFeatures() {
    std::string features = at::get_cpu_capability();
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512bf16")) features += ", AVX512-BF16";
    if (__builtin_cpu_supports("amx-bf16")) features += ", AMX-BF16";
#endif
    return features;
}

} // namespace

void useSensibleThreads() {
    static const int threads = [] {
        int logical = 0;
        const int physical = std::getenv("OMP_NUM_THREADS") ? 0 : physicalCores(logical);
        return logical > 2 && physical < logical ? physical : 0;
    }();
    if (threads > 0) at::set_num_threads(threads);
}

std::string versionsJson(const std::string& device) {
    return nlohmann::ordered_json{{"phibench", version()},
                                  {"libtorch", TORCH_VERSION},
                                  {"cpu", cpuFeatures()},
                                  {"threads", at::get_num_threads()},
                                  {"device", device}}
        .dump();
}

std::string engineDescription() {
    useSensibleThreads();
    std::string text = "libtorch ";
    text += TORCH_VERSION;
    return text + ", " + cpuFeatures() + ", " + std::to_string(at::get_num_threads()) + " threads";
}

} // namespace engine
