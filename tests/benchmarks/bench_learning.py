# SPDX-License-Identifier: GPL-3.0-or-later
"""Training and evaluation against TRL, PEFT and the article's loop."""
import math

from bench_work import Check, Measurement, Row, Work


def _close(a, b, share):
    return abs(a - b) <= share * max(abs(a), abs(b))


def train(bench, loss_on, seconds, **settings):
    examples = 3 * bench.train_per_label
    done = bench.ours("--json", "train", *bench.settings(train__loss_on=loss_on, evaluate__method="score", **settings), seconds=seconds)
    result, steps = done.result(), done.events("step")
    if loss_on == "answer":
        bench.adapter = result["adapter"]
    return Measurement({"rate": examples / result["seconds"]["train"], "tokens": bench.training_tokens(loss_on)[0] / result["seconds"]["train"]}, done.peak_bytes,
                       {"losses": [step["loss"] for step in steps], "seconds": result["seconds"]["train"],
                        "seen": steps[-1]["arrived"] - steps[0]["arrived"], "accuracy": result["accuracy"]})


def peer_train(bench, loss_on, seconds, precision="bf16"):
    done = bench.peer("peer_train.py", bench.rows_file, bench.folder, loss_on, bench.scratch / "trl", precision, seconds=seconds)
    result = done.result()
    return Measurement({"rate": result["examples"] / result["seconds"], "tokens": result["tokens"] / result["seconds"]}, done.peak_bytes, result)


def same_training(bench, loss_on, ours, peer):
    examples, a, b = 3 * bench.train_per_label, ours.facts, peer.facts
    n = len(a["losses"])
    steps = math.ceil(examples / bench.rows["training"]["batch_size"])
    checks = [Check(b["examples"] == examples and n == len(b["losses"]) == steps,
                    f"{examples} examples in {n} steps, the peer's {b['examples']} in {len(b['losses'])}"),
              Check((b["tokens"], b["tokens_sha256"]) == bench.training_tokens(loss_on), f"{b['tokens']} tokens, the same ids in the same batches")]
    # The adapter adds nothing before its first update, and the first one's learning rate is 0 when there is a warm-up.
    for step in range(min(2, n) if bench.rows["training"]["warmup_ratio"] > 0 else 1):
        x, y = a["losses"][step], b["losses"][step]
        checks.append(Check(_close(x, y, 0.03), f"loss of step {step + 1}: {x:.4f}, the peer's {y:.4f} (within 3 %)"))
    x, y = sum(a["losses"]) / n, sum(b["losses"]) / len(b["losses"])
    checks.append(Check(_close(x, y, 0.1), f"mean loss of all steps: {x:.4f}, the peer's {y:.4f} (within 10 %: each began with random weights of its own)"))
    checks.append(Check(a["seen"] <= a["seconds"] * 1.2 + 1, f"our own clock says {a['seconds']:.1f} s, the steps' events came within {a['seen']:.1f} s"))
    return checks


def training(bench, loss_on, least):
    seconds = 300 + 8 * 3 * bench.train_per_label
    what = "the answer" if loss_on == "answer" else "all tokens"
    row = Row(f"LoRA training, loss on {what}", "rate", "examples/s", least=least, most_bytes=1.0e9, peer_name="TRL + PEFT")
    parties = {"ours": lambda: train(bench, loss_on, seconds), "peer": lambda: peer_train(bench, loss_on, seconds)}
    return Work(f"train-{loss_on}", parties, [row], lambda last: same_training(bench, loss_on, last["ours"], last["peer"]))


def _evaluate(bench, method, *more, **settings):
    examples = 3 * bench.test_per_label
    arguments = bench.settings(evaluate__method=method, evaluate__max_new_tokens=3, **settings)
    done = bench.ours("--json", "evaluate", *arguments, *more, seconds=120 + 2 * examples)
    result = done.result()
    predictions = bench.ours("--json", "runs", "predictions", result["run"]).events("prediction")
    return Measurement({"rate": examples / result["seconds"]["evaluate"]}, done.peak_bytes, {"predictions": predictions})


def _loop(bench, precision, *adapter):
    examples = 3 * bench.test_per_label
    done = bench.peer("peer_evaluate.py", bench.rows_file, bench.folder, precision, *adapter, seconds=120 + 4 * examples)
    result = done.result()
    return Measurement({"rate": examples / result["seconds"]}, done.peak_bytes, result)


def _accuracy(predictions):
    return sum(p["guess"] == p["truth"] for p in predictions) / len(predictions)


def _agreement(a, b):
    """Shares of the questions for which both gave the same label, and the same text."""
    a, b = ({p["record"]: p for p in m.facts["predictions"]} for m in (a, b))
    return [sum(a[record][what] == b[record][what] for record in a.keys() & b.keys()) / max(1, len(a.keys() & b.keys())) for what in ("guess", "text")]


def _same_questions(ours, peer):
    a, b = ({p["record"] for p in m.facts["predictions"]} for m in (ours, peer))
    return Check(a == b, f"{len(a)} questions, the peer's {len(b)}, the same records")


def _as_near_to_truth(ours, peer, truth):
    """In bfloat16, rounding decides between likely tokens, for the peer as for us: how often it does for the peer is measured, and we may do no worse.
    Two standard deviations of the two shares' difference are allowed."""
    checks = []
    for what, mine, theirs in zip(("label", "text"), _agreement(ours, truth), _agreement(peer, truth)):
        n = len(truth.facts["predictions"])
        slack = 2 * math.sqrt((mine * (1 - mine) + theirs * (1 - theirs)) / n)
        checks.append(Check(mine >= theirs - slack, f"in bfloat16 the same {what} as transformers in float32 for {mine:.1%}, transformers' own bfloat16 for {theirs:.1%} "
                                                    f"(ours at least as often, less {slack:.1%} for chance)"))
    return checks


def evaluation(bench):
    def check(last):
        accuracy = {party: _accuracy(m.facts["predictions"]) for party, m in last.items()}
        same = _agreement(last["generate"], last["peer"])
        truth = _loop(bench, "fp32")
        return [_same_questions(last["generate"], last["peer"]), *_as_near_to_truth(last["generate"], last["peer"], truth),
                Check(True, f"the two in bfloat16 give the same label for {same[0]:.1%} and the same text for {same[1]:.1%}; accuracy in the peer's loop "
                            f"{accuracy['peer']:.3f}, ours by generate {accuracy['generate']:.3f}, by score {accuracy['score']:.3f}")]

    rows = [Row("evaluation by generate", "rate", "examples/s", ours="generate", least=6, peer_name="transformers, the article's loop"),
            Row("evaluation by score", "rate", "examples/s", ours="score", least=8, peer_name="transformers, the article's loop")]
    parties = {"generate": lambda: _evaluate(bench, "generate"), "score": lambda: _evaluate(bench, "score"), "peer": lambda: _loop(bench, "bf16")}
    return Work("evaluate", parties, rows, check)


def same_predictions(bench):
    """No row: in single precision, on the same files, the adapter that we trained must say the same in PEFT."""
    def adapter():
        if not bench.adapter:
            train(bench, "answer", 300 + 8 * 3 * bench.train_per_label)
        return bench.adapter

    def check(last):
        accuracy = {party: _accuracy(m.facts["predictions"]) for party, m in last.items()}
        same = _agreement(last["ours"], last["peer"])
        return [_same_questions(last["ours"], last["peer"]),
                Check(min(same) >= 0.99, f"with our adapter, in float32, the same label for {same[0]:.1%} and the same text for {same[1]:.1%} (at least 99 %)"),
                Check(True, f"accuracy {accuracy['ours']:.3f}, the peer's {accuracy['peer']:.3f}")]

    parties = {"ours": lambda: _evaluate(bench, "generate", "--adapter", adapter(), model__path=bench.folder, model__precision="fp32"),
               "peer": lambda: _loop(bench, "fp32", adapter())}
    return Work("same-predictions", parties, [], check, repeated=False)
