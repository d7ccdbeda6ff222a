# SPDX-License-Identifier: GPL-3.0-or-later
"""A piece of work that several programs do in turn, what is measured of it, and how it is told that they did the same."""
import dataclasses
import statistics
import sys
from typing import Callable

from bench_process import Failure


@dataclasses.dataclass
class Measurement:
    values: dict           # of what the rows show, by name
    peak_bytes: int
    facts: dict = dataclasses.field(default_factory=dict)  # what was worked on and what came out, for the check


@dataclasses.dataclass
class Check:
    passed: bool
    sentence: str


@dataclasses.dataclass
class Row:
    title: str
    value: str             # which of the measurements' values
    unit: str              # "s": less is better; any other, a rate: more is
    peer: str = "peer"     # the parties compared
    ours: str = "ours"
    least: float = 0       # the ratio wanted; 0: none stated
    most_bytes: float = 0  # that our process may hold; 0: none stated
    peer_name: str = "transformers"


@dataclasses.dataclass
class Work:
    name: str              # for --only
    parties: dict          # name → () → Measurement; run in this order, again and again
    rows: list
    check: Callable        # {party: its last Measurement} → [Check]
    repeated: bool = True  # measured as often as asked for; else once
    warm_up: bool = False  # a run of each that does not count first


@dataclasses.dataclass
class Outcome:
    work: Work
    measurements: dict     # party → [Measurement]
    checks: list
    failure: str = ""

    def median(self, party, value):
        return statistics.median(m.values[value] for m in self.measurements[party])

    def range(self, party, value):
        values = [m.values[value] for m in self.measurements[party]]
        return min(values), max(values)

    def peak(self, party):
        return max(m.peak_bytes for m in self.measurements[party])


def say(sentence):
    print(f"against_peers: {sentence}", file=sys.stderr, flush=True)


def carry_out(work, repeats):
    outcome = Outcome(work, {party: [] for party in work.parties}, [])
    times = repeats if work.repeated else 1
    try:
        for turn in range(-1 if work.warm_up else 0, times):
            for party, measure in work.parties.items():
                measured = measure()
                told = ", ".join(f"{name} {value:.3g}" for name, value in measured.values.items())
                say(f"{work.name}: {party}, {'warming up' if turn < 0 else f'{turn + 1} of {times}'}: {told or 'done'}, {measured.peak_bytes / 1e6:.0f} MB")
                if turn >= 0:
                    outcome.measurements[party].append(measured)
        outcome.checks = work.check({party: measured[-1] for party, measured in outcome.measurements.items()})
    except (Failure, LookupError, ValueError) as error:  # a result without what it should hold is a failure of that work alone
        outcome.failure = str(error) if isinstance(error, Failure) else f"a result could not be read ({type(error).__name__}: {error})"
        say(f"{work.name}: {outcome.failure}")
    return outcome
