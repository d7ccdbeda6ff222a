#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-3.0-or-later
# Configures and builds the named targets (none: all) in build/, as app/run and tests/run both do, so that they share it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
say() { printf 'build: %s\n' "$*" >&2; }

# A file that includes libtorch takes the compiler about 1.5 GB.
jobs=$(awk -v cores="$(nproc)" '/MemAvailable/ { fit = int($2 / 1600000) } END { print fit < 1 ? 1 : fit < cores ? fit : cores }' /proc/meminfo 2>/dev/null || echo 1)
log=build/configure.log
mkdir -p build
say "configuring build/"
if ! cmake -S . -B build -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo -DPHIBENCH_GUI=ON -DPHIBENCH_TESTS=ON ${PHIBENCH_WERROR:+-DPHIBENCH_WERROR="$PHIBENCH_WERROR"} >"$log" 2>&1; then
  cat "$log" >&2
  say "CMake could not configure build/ (above, and in $log)"
  exit 1
fi
say "building ${*:-everything}, $jobs at a time"
if [[ -t 2 ]]; then
  NINJA_STATUS='[%f/%t] ' cmake --build build --parallel "$jobs" ${1:+--target "$@"} >&2
else
  cmake --build build --parallel "$jobs" ${1:+--target "$@"} >build/build.log 2>&1 || { tail -n 60 build/build.log >&2; say "the build failed (above, and in build/build.log)"; exit 1; }
fi
