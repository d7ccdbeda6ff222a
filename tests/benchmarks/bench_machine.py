# SPDX-License-Identifier: GPL-3.0-or-later
"""What the figures were measured on, and with which versions."""
import datetime
import importlib.metadata
import os
import pathlib
import platform
import subprocess

PEERS = ("torch", "transformers", "peft", "trl", "accelerate", "tokenizers", "bitsandbytes", "llama-cpp-python", "pandas", "numpy", "scikit-learn")


def _told(*command):
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


def _field(file, name):
    for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":" if ":" in line else "=")
        if key.strip() == name:
            return value.strip().strip('"')
    return ""


def versions(packages=PEERS):
    found = []
    for package in packages:
        try:
            found.append(f"{package} {importlib.metadata.version(package)}")
        except importlib.metadata.PackageNotFoundError:
            pass
    return found


def facts(cli, root):
    """(name, value) in the order to show. `cli` is phibench-cli, `root` the repository."""
    memory = int(_field("/proc/meminfo", "MemTotal").split()[0]) * 1024
    cores = len(os.sched_getaffinity(0))
    commit = _told("git", "-C", str(root), "describe", "--always", "--dirty", "--exclude=*")
    return [
        ("date", datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")),
        ("CPU", f"{_field('/proc/cpuinfo', 'model name') or platform.machine()}, {cores} logical core{'s' if cores != 1 else ''}"),
        ("memory", f"{memory / 2**30:.1f} GiB"),
        ("system", f"{_field('/etc/os-release', 'PRETTY_NAME')}, Linux {platform.release()}"),
        ("load at the start", f"{os.getloadavg()[0]:.1f} (one minute's average)"),
        ("ours", ", ".join(_told(str(cli), "--version").splitlines()) + (f", commit {commit}" if commit else "")),
        ("peers", f"Python {platform.python_version()}, " + ", ".join(versions())),
    ]
