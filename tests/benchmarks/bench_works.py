# SPDX-License-Identifier: GPL-3.0-or-later
"""The works that are measured, and what counts as the same work. `works` is the list: a further row is a further entry there."""
import importlib.util
import math

import bench_csv
from bench_work import Check, Measurement, Row, Work, say

PROMPT = "The capital of France is"


def _close(a, b, share):
    return abs(a - b) <= share * max(abs(a), abs(b))


def training(bench, loss_on, least):
    examples = 3 * bench.train_per_label
    seconds = 300 + 8 * examples

    def ours():
        done = bench.ours("--json", "train", *bench.settings(train__loss_on=loss_on, evaluate__method="score"), seconds=seconds)
        result, steps = done.result(), done.events("step")
        if loss_on == "answer":
            bench.adapter = result["adapter"]
        return Measurement({"rate": examples / result["seconds"]["train"]}, done.peak_bytes,
                           {"losses": [step["loss"] for step in steps], "seconds": result["seconds"]["train"],
                            "seen": steps[-1]["arrived"] - steps[0]["arrived"], "accuracy": result["accuracy"]})

    def peer():
        done = bench.peer("peer_train.py", bench.rows_file, bench.folder, loss_on, bench.scratch / "trl", seconds=seconds)
        result = done.result()
        return Measurement({"rate": result["examples"] / result["seconds"]}, done.peak_bytes, result)

    def check(last):
        a, b = last["ours"].facts, last["peer"].facts
        n = len(a["losses"])
        checks = [Check(b["examples"] == examples and n == len(b["losses"]) == math.ceil(examples / bench.rows["training"]["batch_size"]),
                        f"{examples} examples in {n} steps, the peer's {b['examples']} in {len(b['losses'])}"),
                  Check((b["tokens"], b["tokens_sha256"]) == bench.training_tokens(loss_on), f"{b['tokens']} tokens, the same ids in the same batches")]
        # The adapter adds nothing before its first update, and the first one's learning rate is 0 when there is a warm-up.
        for step in range(min(2, n) if bench.rows["training"]["warmup_ratio"] > 0 else 1):
            x, y = a["losses"][step], b["losses"][step]
            checks.append(Check(_close(x, y, 0.03), f"loss of step {step + 1}: {x:.4f}, the peer's {y:.4f} (within 3 %)"))
        x, y = sum(a["losses"]) / n, sum(b["losses"]) / len(b["losses"])
        checks.append(Check(_close(x, y, 0.1), f"mean loss of all steps: {x:.4f}, the peer's {y:.4f} (within 10 %: each began with random weights of its own)"))
        between = a["seconds"] * (n - 1) / n
        checks.append(Check(abs(a["seen"] - between) <= 0.25 * between + 0.5, f"our own clock: {a['seconds']:.1f} s for {n} steps; their events came within {a['seen']:.1f} s"))
        return checks

    row = Row(f"LoRA training, loss on {'the answer' if loss_on == 'answer' else 'all tokens'}", "rate", "examples/s", least=least, peer_name="TRL + PEFT")
    return Work(f"train-{loss_on}", {"ours": ours, "peer": peer}, [row], check)


def _evaluate(bench, method, adapter=None):
    examples = 3 * bench.test_per_label
    with_adapter = ["--adapter", adapter] if adapter else []
    done = bench.ours("--json", "evaluate", *bench.settings(evaluate__method=method, evaluate__max_new_tokens=3), *with_adapter, seconds=120 + 2 * examples)
    result = done.result()
    predictions = bench.ours("--json", "runs", "predictions", str(result["run"])).events("prediction")
    return Measurement({"rate": examples / result["seconds"]["evaluate"]}, done.peak_bytes, {"predictions": predictions})


def _loop(bench, adapter=None):
    examples = 3 * bench.test_per_label
    done = bench.peer("peer_evaluate.py", bench.rows_file, bench.folder, *([adapter] if adapter else []), seconds=120 + 3 * examples)
    result = done.result()
    return Measurement({"rate": examples / result["seconds"]}, done.peak_bytes, result)


def _accuracy(predictions):
    return sum(p["guess"] == p["truth"] for p in predictions) / len(predictions)


def _same_answers(ours, peer):
    a = {p["record"]: p for p in ours.facts["predictions"]}
    b = {p["record"]: p for p in peer.facts["predictions"]}
    checks = [Check(a.keys() == b.keys(), f"{len(a)} questions, the peer's {len(b)}, the same records")]
    both = a.keys() & b.keys()
    guesses = sum(a[record]["guess"] == b[record]["guess"] for record in both) / max(1, len(both))
    texts = sum(a[record]["text"] == b[record]["text"] for record in both) / max(1, len(both))
    checks.append(Check(guesses >= 0.95, f"the same label for {guesses:.1%} (at least 95 %: both compute in bfloat16)"))
    checks.append(Check(texts >= 0.9, f"the same generated text for {texts:.1%} (at least 90 %)"))
    return checks


def evaluation(bench):
    def check(last):
        accuracy = {party: _accuracy(m.facts["predictions"]) for party, m in last.items()}
        return _same_answers(last["generate"], last["peer"]) + [
            Check(True, f"accuracy {accuracy['peer']:.3f} in the peer's loop, ours {accuracy['generate']:.3f} by generate and {accuracy['score']:.3f} by score")]

    rows = [Row("evaluation by generate", "rate", "examples/s", ours="generate", least=6, peer_name="transformers, the article's loop"),
            Row("evaluation by score", "rate", "examples/s", ours="score", least=8, peer_name="transformers, the article's loop")]
    parties = {"generate": lambda: _evaluate(bench, "generate"), "score": lambda: _evaluate(bench, "score"), "peer": lambda: _loop(bench)}
    return Work("evaluate", parties, rows, check)


def tuned_evaluation(bench):
    """No row: that the adapter we trained says the same in both, read by PEFT there."""
    def adapter():
        if not bench.adapter:
            training(bench, "answer", 0).parties["ours"]()
        return bench.adapter

    def check(last):
        accuracy = {party: _accuracy(m.facts["predictions"]) for party, m in last.items()}
        return _same_answers(last["ours"], last["peer"]) + [Check(True, f"accuracy with the adapter {accuracy['ours']:.3f}, the peer's {accuracy['peer']:.3f}")]

    return Work("evaluate-tuned", {"ours": lambda: _evaluate(bench, "generate", adapter()), "peer": lambda: _loop(bench, adapter())}, [], check, repeated=False)


def first_token(bench):
    def measured(done):
        return Measurement({"seconds": done.first_output}, done.peak_bytes, {"text": "".join(line for _, line in done.lines).strip()})

    def check(last):
        ours, peer = (last[party].facts["text"] for party in ("ours", "peer"))
        return [Check(ours == peer and ours != "", f"the token is {ours!r}, the peer's {peer!r}")]

    ours = lambda: measured(bench.ours("generate", "--model", "default", "--prompt", PROMPT, "--max-new-tokens", "1"))
    peer = lambda: measured(bench.peer("peer_first_token.py", bench.folder, PROMPT))
    return Work("first-token", {"ours": ours, "peer": peer}, [Row("process start to first token, warm disk", "seconds", "s", least=8)], check, warm_up=True)


def generation(bench):
    prompt = bench.scratch / "prompt.txt"
    prompt.write_text(bench.rows["prompt"], encoding="utf-8")
    length = bench.rows["prompt_tokens"]

    def ours():
        done = bench.ours("--json", "generate", "--model", "default", "--prompt-file", prompt, "--max-new-tokens", str(bench.new_tokens))
        result = done.result()
        return Measurement({name: result["tokens_per_second"][name] for name in ("prefill", "decode")}, done.peak_bytes, {"ids": result["ids"]})

    def peer(script, model):
        done = bench.peer(script, bench.rows_file, model, str(bench.new_tokens))
        result = done.result()
        return Measurement({name: result[name] for name in ("prefill", "decode")}, done.peak_bytes, result)

    def check(last):
        checks = []
        for party, measurement in last.items():
            if party == "ours":
                continue
            a, b = last["ours"].facts["ids"], measurement.facts["ids"]
            same = sum(x == y for x, y in zip(a, b)) / max(len(a), len(b))
            # llama.cpp computes with 4-bit weights and 8-bit activations: it may say something else.
            checks.append(Check(len(a) == len(b) == bench.new_tokens and measurement.facts["prompt_tokens"] == length,
                                f"{party}: a prompt of {measurement.facts['prompt_tokens']} tokens and {len(b)} more, ours {length} and {len(a)}; {same:.0%} of them the same"))
        return checks

    parties = {"ours": ours, "peer": lambda: peer("peer_generate.py", bench.folder)}
    rows = [Row(f"prefill, {length} tokens", "prefill", "tokens/s"), Row(f"decode, {bench.new_tokens} tokens after {length}", "decode", "tokens/s")]
    if importlib.util.find_spec("llama_cpp"):
        parties["llama.cpp"] = lambda: peer("peer_llama_cpp.py", bench.gguf)
        rows += [Row(f"prefill, {length} tokens", "prefill", "tokens/s", peer="llama.cpp", least=3, peer_name="llama.cpp, Q4_1"),
                 Row(f"decode, {bench.new_tokens} tokens after {length}", "decode", "tokens/s", peer="llama.cpp", least=1, peer_name="llama.cpp, Q4_1")]
    else:
        say("llama.cpp is left out: llama-cpp-python is not installed in the peers' environment")
    return Work("generate", parties, rows, check)


def csv_import(bench):
    file = bench.cache / f"import-{bench.import_bytes // 1_000_000}MB.csv"

    def ours():
        done = bench.ours("--json", "check", file, seconds=600)
        return Measurement({"seconds": done.seconds}, done.peak_bytes, done.result())

    def peer():
        done = bench.peer("peer_read_csv.py", file, seconds=600)
        result = done.result()
        return Measurement({"seconds": result["seconds"]}, done.peak_bytes, result)

    def check(last):
        a, b = last["ours"].facts, last["peer"].facts
        same = all(a[key] == b[key] for key in ("records", "columns", "label_counts"))
        return [Check(same, f"{a['records']} records of {len(a['columns'])} columns, the peer's {b['records']} of {len(b['columns'])}; {'the same' if a['label_counts'] == b['label_counts'] else 'other'} counts a label; "
                            "ours is the whole process, the peer's read_csv alone")]

    say(f"writing {file}, unless it is there")
    bench_csv.write(file, bench.import_bytes)
    return Work("csv-import", {"ours": ours, "peer": peer}, [Row(f"CSV import, {bench.import_bytes / 1e6:.0f} MB, quoted line ends", "seconds", "s", least=3, peer_name="pandas.read_csv")], check, warm_up=True)


def works(full):
    """(name, () → Work) in the order of the table. `full` adds what takes long whatever its size."""
    quick = [
        ("train-answer", lambda bench: training(bench, "answer", 6)),
        ("train-all", lambda bench: training(bench, "all", 3)),
        ("evaluate", evaluation),
        ("evaluate-tuned", tuned_evaluation),
        ("first-token", first_token),
        ("generate", generation),
        ("csv-import", csv_import),
    ]
    long = []
    return quick + (long if full else [])
