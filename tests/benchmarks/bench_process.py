# SPDX-License-Identifier: GPL-3.0-or-later
"""One measured child process: its output with arrival times, its duration, its peak memory, and an end to it in any case."""
import dataclasses
import json
import os
import selectors
import signal
import subprocess
import tempfile
import time


class Failure(Exception):
    """One sentence: which command did not do its work, and why."""


@dataclasses.dataclass
class Finished:
    seconds: float         # from start to end
    first_output: float    # from start to the first byte on standard output
    peak_bytes: int        # resident, of the child (getrusage)
    lines: list            # (seconds from start, text)

    def events(self, kind):
        """The JSON objects on standard output whose "event" is `kind`, each with "arrived"."""
        found = []
        for arrived, line in self.lines:
            if line.startswith('{"event"'):
                value = json.loads(line)
                if value["event"] == kind:
                    found.append({**value, "arrived": arrived})
        return found

    def result(self):
        results = self.events("result")
        if not results:
            raise Failure("A measured program ended without a result.")
        return results[-1]


def _ended(pid, deadline):
    """(wait status, resource usage), None when it has not ended by then."""
    while True:
        ended, status, usage = os.wait4(pid, os.WNOHANG)
        if ended:
            return status, usage
        if time.perf_counter() > deadline:
            return None
        time.sleep(0.002)


def run(command, limit, environment=None, stdin=None):
    """Runs a command, at most `limit` seconds. Raises Failure when it fails or takes longer."""
    command = [str(part) for part in command]
    name = " ".join(os.path.basename(part) for part in command[:3])
    with tempfile.TemporaryFile() as errors:
        begin = time.perf_counter()
        child = subprocess.Popen(command, stdin=stdin or subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, env=environment,
                                 start_new_session=True)
        deadline, first, ended = begin + limit, None, None
        pieces, lines = b"", []
        try:
            with selectors.DefaultSelector() as selector:
                selector.register(child.stdout, selectors.EVENT_READ)
                while selector.select(max(0.0, deadline - time.perf_counter())):
                    piece = os.read(child.stdout.fileno(), 1 << 16)
                    if not piece:
                        ended = _ended(child.pid, deadline)
                        break
                    now = time.perf_counter() - begin
                    first = first if first is not None else now
                    *whole, pieces = (pieces + piece).split(b"\n")
                    lines += [(now, line.decode("utf-8", "replace")) for line in whole]
            seconds = time.perf_counter() - begin
        finally:
            if ended is None:
                os.killpg(child.pid, signal.SIGKILL)
                os.wait4(child.pid, 0)
            child.returncode = 0  # waited for here, so that Popen does not
            child.stdout.close()
        if ended is None:
            raise Failure(f"`{name} …` did not end within {limit:.0f} s.")
        code = os.waitstatus_to_exitcode(ended[0])
        if code != 0:
            errors.seek(0)
            told = [line for line in errors.read().decode("utf-8", "replace").splitlines() if line.strip()]
            raise Failure(f"`{name} …` ended with {code}: {told[-1].strip() if told else 'it said nothing'}")
        if pieces:
            lines.append((seconds, pieces.decode("utf-8", "replace")))
        return Finished(seconds, seconds if first is None else first, ended[1].ru_maxrss * 1024, lines)
