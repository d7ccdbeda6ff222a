# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs the works in turn and tells the result; against_peers calls it with the peers' Python once everything is in place."""
import argparse
import pathlib
import signal
import sys
import tempfile

import bench_machine
import bench_report
from bench_process import Failure
from bench_programs import HERE, Bench
from bench_work import Outcome, Work, carry_out, say
from bench_works import works

ROOT = HERE.parent.parent


def arguments():
    names = [name for name, _ in works(True)]
    parser = argparse.ArgumentParser(prog="tests/benchmarks/against_peers", description="Measures Phibench and its peers in turn, on the same work.")
    parser.add_argument("--full", action="store_true", help="60 training and 60 test rows a label, a 1 GB CSV, and the works that take long or want much: about an hour on two cores")
    parser.add_argument("--out", type=pathlib.Path, metavar="FILE", help="write the report there too (tests/benchmarks/RESULTS.md keeps the last full one)")
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="measure each N times and take the median (default 3)")
    parser.add_argument("--only", metavar="WORK,…", help="these works only: " + ", ".join(names))
    parser.add_argument("--train-per-label", type=int, metavar="N", help="training rows a label (default 24; 3 labels)")
    parser.add_argument("--test-per-label", type=int, metavar="N", help="test rows a label (default 20)")
    parser.add_argument("--import-mb", type=int, metavar="N", help="size of the CSV that is imported (default 200)")
    parser.add_argument("--new-tokens", type=int, default=64, metavar="N", help="tokens to generate (default 64)")
    parser.add_argument("--data", type=pathlib.Path, metavar="FILE",
                        help="the article's all-data.csv (default ../shared/data/all-data.csv; without it, the sample's data)")
    parser.add_argument("--patience", type=float, default=1, metavar="X", help="X times the usual time limits, for a slow or busy machine")
    for name in ("--cli", "--gguf", "--cache", "--phi2"):  # from against_peers
        parser.add_argument(name, type=pathlib.Path, required=name != "--phi2", help=argparse.SUPPRESS)
    given = parser.parse_args()
    given.only_given = given.only is not None
    wanted = given.only.split(",") if given.only_given else names
    unknown = [name for name in wanted if name not in names]
    if unknown:
        parser.error(f"there is no work called {unknown[0]}; there are {', '.join(names)}")
    given.only = wanted
    for name, quick, full in (("train_per_label", 24, 60), ("test_per_label", 20, 60), ("import_mb", 200, 1000)):
        if getattr(given, name) is None:
            setattr(given, name, full if given.full else quick)
    if given.data and not given.data.is_file():
        parser.error(f"{given.data}: there is no such file")
    if min(given.repeats, given.train_per_label, given.test_per_label, given.import_mb, given.new_tokens - 1) < 1 or given.patience <= 0:
        parser.error("counts start at 1, --new-tokens at 2")
    return given


def data(given):
    """The article's data where they lie beside the project, else the sample's."""
    article = given or ROOT.parent / "shared" / "data" / "all-data.csv"
    if article.is_file():
        return ROOT / "experiments" / "financial-sentiment.yaml", article.resolve()
    return ROOT / "experiments" / "opinion-sentiment.yaml", ROOT / ".deps" / "data" / "opinion-sentiment.csv"


def measure(bench, given):
    """Yields an outcome a work."""
    bench.draw_rows()
    yield carry_out(Work("rows", {}, [], lambda last: bench.same_rows()), 1)
    for name, make in works(given.full or given.only_given):
        if name not in given.only:
            continue
        try:
            yield carry_out(make(bench), given.repeats)
        except OSError as error:
            yield Outcome(Work(name, {}, [], lambda last: []), {}, [], str(error))


def described(bench, given):
    training, lora = bench.rows["training"], bench.rows["lora"]
    return (f"SmolLM2-135M-Instruct in bfloat16, {bench.csv.name}, {3 * given.train_per_label} training and {3 * given.test_per_label} test rows, "
            f"batch {training['batch_size']}, LoRA r {lora['r']} on {lora['targets']}; "
            f"ours and the peer in turn, {given.repeats} time{'s' if given.repeats > 1 else ''} each.")


def main():
    given = arguments()
    experiment, csv = data(given.data)
    facts = bench_machine.facts(given.cli, ROOT)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no measured program stays behind
    with tempfile.TemporaryDirectory(prefix="scratch-", dir=given.cache) as scratch:
        bench = Bench(cli=given.cli, gguf=given.gguf, folder=given.cache / "smollm2-135m", experiment=experiment, csv=csv, scratch=pathlib.Path(scratch),
                      train_per_label=given.train_per_label, test_per_label=given.test_per_label,
                      import_bytes=given.import_mb * 1_000_000, new_tokens=given.new_tokens, patience=given.patience, phi2=given.phi2)
        outcomes = []
        try:
            for outcome in measure(bench, given):
                outcomes.append(outcome)
                text = bench_report.report(outcomes, facts, described(bench, given))
                if given.out:  # after every work: what takes an hour may be interrupted
                    given.out.write_text(text, encoding="utf-8")
        except Failure as failure:
            sys.exit(f"against_peers: {failure}")
    print(text)
    if given.out:
        say(f"written to {given.out}")
    failed = [outcome.work.name for outcome in outcomes if outcome.failure or not all(check.passed for check in outcome.checks)]
    if failed:
        sys.exit(f"against_peers: not the same work, or none: {', '.join(failed)}")


main()
