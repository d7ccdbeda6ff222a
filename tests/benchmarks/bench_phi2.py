# SPDX-License-Identifier: GPL-3.0-or-later
"""A random Phi-2 of full size: LoRA and QLoRA against PEFT with TRL and bitsandbytes, reading and writing against transformers, bitsandbytes and llama.cpp."""
import dataclasses
import importlib.util
import json

from bench_learning import peer_train, same_training, train
from bench_work import Check, Measurement, Row, Work, say

ROWS = 4          # a label: 3 steps of 4 examples
NEW_TOKENS = 16
STEPS, ROWS_OF_A_STEP = 3, 64 + 4 * 64  # as peer_phi2_rows.py writes them: what all begin with, and the rest of each
LIMIT = 1200      # seconds


def _bench(bench):
    folder = bench.scratch / "phi2"
    if not folder.exists():
        bench.peer("peer_phi2_rows.py", bench.phi2, ROWS + 1, folder, seconds=LIMIT)
    return dataclasses.replace(bench, model=str(bench.phi2), folder=bench.phi2, experiment=folder / "phi2.yaml", csv=folder / "rows.csv", scratch=folder,
                               train_per_label=ROWS, test_per_label=1, rows={}, adapter="")


def _product_operations(bench):
    """Floating-point operations that training's products with frozen weights need: forward and back over each row that is unlike the others,
    but for what the first layer would hand back to the embedding."""
    config = json.loads((bench.phi2 / "config.json").read_text(encoding="utf-8"))
    hidden, inner, layers = config["hidden_size"], config["intermediate_size"], config["num_hidden_layers"]
    layer, from_input = 4 * hidden * hidden + 2 * hidden * inner, 3 * hidden * hidden + hidden * inner
    weights = 2 * (layers * layer + hidden * config["vocab_size"]) - from_input
    return 2 * weights * ROWS_OF_A_STEP * STEPS


def phi2_training(bench):
    bench = _bench(bench)
    bench.draw_rows()

    def ours(precision):
        measured = train(bench, "all", LIMIT, model__path=bench.phi2, model__precision=precision)
        measured.values["gflops"] = _product_operations(bench) / measured.facts["seconds"] / 1e9
        return measured

    def matmul():
        done = bench.peer("peer_matmul.py", bench.phi2, ROWS_OF_A_STEP, seconds=LIMIT)
        return Measurement({"gflops": done.result()["gflops"]}, done.peak_bytes)

    def check(last):
        return (bench.same_rows() + [Check(c.passed, f"bf16: {c.sentence}") for c in same_training(bench, "all", last["ours"], last["peer"])]
                + [Check(c.passed, f"NF4: {c.sentence}") for c in same_training(bench, "all", last["ours, NF4"], last["peer, NF4"])])

    parties = {"ours": lambda: ours("bf16"), "ours, NF4": lambda: ours("nf4"),
               "peer": lambda: peer_train(bench, "all", LIMIT), "peer, NF4": lambda: peer_train(bench, "all", LIMIT, "nf4"), "matmul": matmul}
    rows = [Row("LoRA training, Phi-2, bf16, 4 × 128 tokens", "tokens", "tokens/s", least=2, most_bytes=7.5e9, peer_name="TRL + PEFT"),
            Row("QLoRA training, Phi-2, NF4, 4 × 128 tokens", "tokens", "tokens/s", ours="ours, NF4", peer="peer, NF4", most_bytes=3.5e9, peer_name="TRL + PEFT + bitsandbytes"),
            Row("the same against our own bf16", "tokens", "tokens/s", ours="ours, NF4", peer="ours", least=0.9, peer_name="ours, bf16"),
            Row("products in LoRA training, Phi-2, bf16, of the most that a product reaches", "gflops", "GFLOP/s", peer="matmul", least=0.75, peer_name="torch.mm, bf16")]
    return Work("phi2-train", parties, rows, check)


def phi2_generation(bench):
    bench = _bench(bench)
    prompts = {}
    for length in (96, 512):
        prompts[length] = bench.scratch / f"prompt-{length}.json"
        prompts[length].with_suffix(".txt").write_text(json.loads(prompts[length].read_text(encoding="utf-8"))["prompt"], encoding="utf-8")

    def ours(precision):
        values, peak, facts = {}, 0, {}
        for length, file in prompts.items():
            done = bench.ours("--json", "generate", "--model", bench.phi2, "--precision", precision, "--prompt-file", file.with_suffix(".txt"),
                              "--max-new-tokens", NEW_TOKENS, seconds=LIMIT)
            result = done.result()
            values[f"prefill {length}"] = result["tokens_per_second"]["prefill"]
            values[f"decode {length}"] = result["tokens_per_second"]["decode"]
            facts[length], peak = len(result["ids"]), max(peak, done.peak_bytes)
        return Measurement(values, peak, facts)

    def peer(script, model, lengths, *more):
        values, peak, facts = {}, 0, {}
        for length in lengths:
            done = bench.peer(script, prompts[length], model, NEW_TOKENS, *more, seconds=LIMIT)
            result = done.result()
            values[f"prefill {length}"], values[f"decode {length}"] = result["prefill"], result["decode"]
            facts[length], peak = len(result["ids"]) if result["prompt_tokens"] == length else 0, max(peak, done.peak_bytes)
        return Measurement(values, peak, facts)

    def check(last):
        return [Check(all(made == NEW_TOKENS for made in m.facts.values()), f"{party}: {' and '.join(map(str, m.facts))} tokens read, {NEW_TOKENS} made after them")
                for party, m in last.items()]

    parties = {"ours": lambda: ours("bf16"), "ours, NF4": lambda: ours("nf4"),
               "peer": lambda: peer("peer_generate.py", bench.phi2, [96], "bf16"), "peer, NF4": lambda: peer("peer_generate.py", bench.phi2, [96], "nf4")}
    rows = [Row("prefill 96, Phi-2, bf16", "prefill 96", "tokens/s"), Row("decode, Phi-2, bf16", "decode 96", "tokens/s"),
            Row("prefill 96, Phi-2, NF4", "prefill 96", "tokens/s", ours="ours, NF4", peer="peer, NF4", peer_name="bitsandbytes"),
            Row("decode, Phi-2, NF4", "decode 96", "tokens/s", ours="ours, NF4", peer="peer, NF4", least=2, peer_name="bitsandbytes")]
    if importlib.util.find_spec("llama_cpp"):
        gguf = bench.phi2.with_name(bench.phi2.name + "-Q4_0.gguf")
        if not gguf.exists():
            say(f"writing {gguf}")
            bench.peer("peer_phi2_gguf.py", bench.phi2, gguf, seconds=LIMIT)
        parties["llama.cpp"] = lambda: peer("peer_llama_cpp.py", gguf, [512])
        for precision, party in (("bf16", "ours"), ("NF4", "ours, NF4")):
            rows.append(Row(f"prefill 512, Phi-2, {precision}", "prefill 512", "tokens/s", ours=party, peer="llama.cpp", least=1.5, peer_name="llama.cpp, Q4_0"))
        rows.append(Row("decode, Phi-2, NF4", "decode 512", "tokens/s", ours="ours, NF4", peer="llama.cpp", least=1.3, peer_name="llama.cpp, Q4_0"))
    else:
        say("llama.cpp is left out: llama-cpp-python is not installed in the peers' environment")
    return Work("phi2-generate", parties, rows, check)
