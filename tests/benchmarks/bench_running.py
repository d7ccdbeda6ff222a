# SPDX-License-Identifier: GPL-3.0-or-later
"""Start, generation and the reading of a CSV against transformers, llama.cpp and pandas."""
import importlib.util
import os

import bench_csv
import bench_process
from bench_work import Check, Measurement, Row, Work, say

PROMPT = "The capital of France is"


def first_token(bench):
    def measured(done):
        return Measurement({"seconds": done.first_output}, done.peak_bytes, {"text": "".join(line for _, line in done.lines).strip()})

    def ours():
        return measured(bench.ours("generate", "--model", "default", "--prompt", PROMPT, "--max-new-tokens", "1"))

    def peer():
        return measured(bench.peer("peer_first_token.py", bench.folder, PROMPT))

    def check(last):
        a, b = last["ours"].facts["text"], last["peer"].facts["text"]
        return [Check(a == b and a != "", f"the token is {a!r}, the peer's {b!r}")]

    row = Row("process start to first token, warm disk", "seconds", "s", least=8)
    return Work("first-token", {"ours": ours, "peer": peer}, [row], check, warm_up=True)


def generation(bench):
    prompt = bench.scratch / "prompt.txt"
    prompt.write_text(bench.rows["prompt"], encoding="utf-8")
    length = bench.rows["prompt_tokens"]

    def ours():
        done = bench.ours("--json", "generate", "--model", "default", "--prompt-file", prompt, "--max-new-tokens", bench.new_tokens)
        result = done.result()
        return Measurement({name: result["tokens_per_second"][name] for name in ("prefill", "decode")}, done.peak_bytes, result)

    def peer(script, model):
        done = bench.peer(script, bench.rows_file, model, bench.new_tokens)
        result = done.result()
        return Measurement({name: result[name] for name in ("prefill", "decode")}, done.peak_bytes, result)

    def check(last):
        checks = []
        for party, measurement in last.items():
            if party == "ours":
                continue
            a, b, read = last["ours"].facts["ids"], measurement.facts["ids"], measurement.facts["prompt_tokens"]
            same = sum(x == y for x, y in zip(a, b)) / max(len(a), len(b))
            # Which tokens is told only: one that rounding decides changes all that follow.
            checks.append(Check(len(a) == len(b) == bench.new_tokens and read == length,
                                f"{party}: {read} tokens read and {len(b)} made, ours {length} and {len(a)}, {same:.0%} of them the same"))
        return checks

    parties = {"ours": ours, "peer": lambda: peer("peer_generate.py", bench.folder)}
    titles = {"prefill": f"prefill, {length} tokens", "decode": f"decode, {bench.new_tokens} tokens after {length}"}
    rows = [Row(title, value, "tokens/s") for value, title in titles.items()]
    if importlib.util.find_spec("llama_cpp"):
        parties["llama.cpp"] = lambda: peer("peer_llama_cpp.py", bench.gguf)
        rows += [Row(titles[value], value, "tokens/s", peer="llama.cpp", least=least, peer_name="llama.cpp, Q4_1")
                 for value, least in (("prefill", 3), ("decode", 1))]
    else:
        say("llama.cpp is left out: llama-cpp-python is not installed in the peers' environment")
    return Work("generate", parties, rows, check)


def csv_import(bench):
    file = bench.scratch / "import.csv"
    say(f"writing a CSV of {bench.import_bytes / 1e6:.0f} MB")
    bench_csv.write(file, bench.import_bytes)

    def ours():
        done = bench.ours("--json", "check", file, seconds=600)
        result = done.result()
        return Measurement({"seconds": result["seconds"]["read"]}, done.peak_bytes, result | {"whole": done.seconds})

    def peer():
        done = bench.peer("peer_read_csv.py", file, seconds=600)
        result = done.result()
        return Measurement({"seconds": result["seconds"]}, done.peak_bytes, result)

    def check(last):
        a, b = last["ours"].facts, last["peer"].facts
        keys = ("records", "columns", "label_counts")
        return [Check(all(a[key] == b[key] for key in keys), f"{a['records']} records of {len(a['columns'])} columns, the peer's {b['records']} of "
                      f"{len(b['columns'])}, labels counted in both; the seconds are those of reading, in both. Ours leaves the fields in the file "
                      f"until they are asked for; with labels counted and texts compared, the whole process takes {a['whole']:.2f} s")]

    row = Row(f"CSV import, {bench.import_bytes / 1e6:.0f} MB, quoted line ends", "seconds", "s", least=3, peer_name="pandas.read_csv")
    return Work("csv-import", {"ours": ours, "peer": peer}, [row], check, warm_up=True)


def runs_page(bench):
    """No peer and no row: what is wanted is a time."""
    tool = bench.cli.parent.parent / "tests" / "runs_page_benchmark"
    runs, metrics = 10_000, 20_000_000

    def ours():
        done = bench_process.run([tool, bench.scratch / "many-runs.db", runs, metrics], 1200 * bench.patience, {**os.environ, "QT_QPA_PLATFORM": "offscreen"})
        return Measurement({}, done.peak_bytes, done.result())

    def check(last):
        a = last["ours"].facts
        def judged(value, most):
            return f"{value:.0f} ms (under {most} ms wanted: {'met' if value < most else 'not met'})"
        return [Check(a["rows"] == runs and a["curve_points"] == 1_000_000, f"{a['rows']:,} runs with {metrics:,} metric rows: the page is drawn after {judged(a['page_ms'], 500)}, "
                      f"the file opened in {a['open_ms']:.0f} ms; {a['curve_points']:,} points are read in {a['curve_read_ms']:.0f} ms and redrawn in {judged(a['redraw_ms'], 16)}, "
                      f"at worst {a['redraw_worst_ms']:.0f} ms")]

    return Work("runs-page", {"ours": ours}, [], check)
