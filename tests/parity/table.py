# SPDX-License-Identifier: GPL-3.0-or-later
"""table.py LOG [--full]: what tests/parity/run printed, as a table with the worst figure of each agreement. Fails when one is over its bound or missing."""
import pathlib
import re
import sys

# What; a pattern whose groups are errors; the bound; only with --full.
WORST = [
    ("logits, fp32, tiny models: alone, padded, packed, cached", r"TestParityForward::logits\(.*\) max abs error: alone and padded (\S+), packed (\S+), cached (\S+) ", 2e-5, False),
    ("logits, fp32, SmolLM2: relative error", r"default model, fp32, .*relative error of logits (\S+),", 1e-3, False),
    ("logits, bf16, SmolLM2: error over the peer's", r"default model, bf16, .*ratio (\S+),", 1.2, False),
    ("logits, bf16, full-size Phi-2: error over the peer's", r"Phi-2, bf16, .*ratio (\S+),", 1.2, True),
    ("logits, NF4, full-size Phi-2: error over bitsandbytes'", r"Phi-2, nf4, .*ratio (\S+),", 1.2, True),
    ("loss and gradients, step 1", r"TestParityTraining::gradients\(.*\) relative error: loss (\S+), gradients (\S+) ", 1e-4, False),
    ("100 steps: each loss", r"TestParityTraining::hundredSteps\(.*\) relative error: losses (\S+) ", 1e-3, False),
    ("100 steps: final adapters", r"TestParityTraining::hundredSteps\(.*final values (\S+) ", 1e-2, False),
    ("NF4 products in bf16", r"TestParityNf4::products\(tiny.*relative error of products in bf16 (\S+),", 1e-2, False),
    ("NF4 products in bf16, layers of the full-size Phi-2", r"TestParityNf4::products\(model.*relative error of products in bf16 (\S+),", 1e-2, True),
    ("adapters of PEFT and TRL, here", r"TestParityForward::adapters\(.*\) max abs error of logits (\S+),", 1e-4, False),
    ("adapters of ours, in PEFT", r"our adapter in PEFT, .* max abs error of logits (\S+),", 1e-4, False),
    ("merged models in transformers: logits", r"^merged, (?!.*bf16).*: logits ([^ ,]+)", 2e-5, False),
    ("merged weights against PEFT's, NF4 too", r"^merged, (?!.*bf16).* weights against PEFT's ([^ ,]+)", 1e-6, False),
    ("exported models in transformers: logits", r"^exports, .* in transformers: relative error of logits (\S+),", 2e-5, False),
    ("GGUF files in llama.cpp, f16 and bf16: logits", r"^exports, .* b?f16 in llama.cpp: relative error of logits (\S+),", 1e-2, False),
    ("GGUF files in llama.cpp, blocks: logits", r"^exports, .* q\d_\d in llama.cpp: relative error of logits (\S+),", 5e-2, False),
    ("adapters on SmolLM2: ours in PEFT, TRL's here", r"default model, adapter .*root mean square (\S+),", 1e-4, True),
]
# What is identical; a pattern of a line for each case that agrees, or whose groups are how many do and of how many; only with --full.
IDENTICAL = [
    ("dropout: rate, scaling, fresh masks, seed", r"^PASS +: TestParityDropout::(?:rate|fresh|same)", False),
    ("dropout 0: losses whatever the micro-batch", r"^PASS +: TestTrain::microBatches", False),
    ("NF4 codes, absmax, double quantisation, values", r"^PASS +: TestNf4::(?:asBits|scalesAs)|^PASS +: TestParityNf4::storage\(tiny", False),
    ("NF4 of layers of the full-size Phi-2", r"^PASS +: TestParityNf4::storage\(model", True),
    ("token ids and decoded texts, SmolLM2", r"^SmolLM2, (?!.*as it is).*: (\d+) of (\d+) texts agree", False),
    ("token ids and decoded texts, Phi-2", r"^Phi-2, .*: (\d+) of (\d+) texts agree", False),
    ("tokens of exported GGUF files in llama.cpp", r"^exports, .* in llama.cpp: .* (\d+) of (\d+) texts", False),
    ("blocks of exported GGUF files, bit for bit", r"^exports, .*: (\d+) of (\d+) tensors are the gguf", False),
    ("settings and curves in MLflow, both ways", r"^exports, MLflow .* settings and (\d+) of (\d+) curves", False),
    ("curves in TensorBoard", r"^exports, TensorBoard: (\d+) of (\d+) curves", False),
    ("split, shuffle, eval sample", r"^PASS +: TestSplit::agrees", False),
    ("accuracy, report, confusion matrix", r"^PASS +: TestReport::agrees", False),
    ("greedy tokens, 64 a text, single and batched", r"TestParityForward::generation\(.*\) (\d+) tokens identical", False),
]

# The same of each family, by what its cases' names begin with.
for family in ("llama", "mistral", "qwen2", "qwen3", "gemma3", "smollm3", "phi3"):
    def case(test, family=family):
        return rf"TestParityFamilies::{test}\({family}[,)].*"
    WORST += [
        (f"{family}: logits, fp32, within and beyond window and original context", case("(?:short|long)Texts") + r"alone and padded (\S+), packed (\S+), cached (\S+) ", 2e-5, False),
        (f"{family}: the same as a GGUF", case("gguf") + r"alone and padded (\S+), packed (\S+), cached (\S+);", 2e-5, False),
        (f"{family}: logits, NF4, against bitsandbytes", case("nf4") + r"max abs error of logits (\S+),", 2e-5, False),
        (f"{family}: loss and gradients", case("gradients") + r"loss (\S+), gradients (\S+) ", 1e-4, False),
        (f"{family}: 20 steps: each loss", case("twentySteps") + r"losses (\S+) ", 1e-3, False),
        (f"{family}: PEFT's adapter, here", case("adapter") + r"max abs error of logits (\S+),", 1e-4, False),
        (f"{family}: ours, in PEFT", rf"our adapter in PEFT, {family}(?:_text)?: max abs error of logits (\S+),", 1e-4, False),
    ]
    IDENTICAL.append((f"{family}: greedy tokens, single and batched", case("generation") + r"\) (\d+) tokens identical", False))
    if family != "smollm3":  # which transformers does not read from GGUF
        WORST.append((f"{family}: its GGUF in transformers", rf"GGUF, {family}, in transformers: max abs error of logits (\S+),", 2e-5, False))
for tokenizer in ("Llama 3", "Qwen2 and 3", "Qwen3.6", "SentencePiece"):
    IDENTICAL.append((f"token ids and decoded texts, {tokenizer}", rf"^{re.escape(tokenizer)}, .*: (\d+) of (\d+) texts agree", False))


def lines_of_log():
    return pathlib.Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace").splitlines()


def main():
    if any("Gemma 3" in line for line in lines_of_log()):
        WORST.append(("logits, fp32, Gemma 3 270M: relative error", r"Gemma 3 270M, fp32, .*relative error of logits (\S+),", 1e-3, False))
        IDENTICAL.append(("greedy tokens, Gemma 3 270M", r"Gemma 3 270M, greedy: (\d+) of (\d+) tokens agree", False))
        IDENTICAL.append(("token ids and decoded texts, Gemma 3", r"^Gemma 3, .*: (\d+) of (\d+) texts agree", False))
    lines, full = lines_of_log(), "--full" in sys.argv
    rows, failed = [], []
    for what, pattern, bound, long in WORST:
        found = [[float(f) for f in m.groups()] for line in lines if (m := re.search(pattern, line))]
        if found or full or not long:
            worst = max(map(max, found)) if found else None
            rows.append((what, len(found), "missing" if worst is None else f"{worst:.3g}", f"≤ {bound:g}"))
            failed += [what] if worst is None or not worst <= bound else []
    for what, pattern, long in IDENTICAL:
        found = [[int(g) for g in m.groups()] for line in lines if (m := re.search(pattern, line))]
        if found or full or not long:
            agree = sum(f[0] if f else 1 for f in found)
            cases = sum(f[-1] if f else 1 for f in found)
            rows.append((what, cases, f"{agree:,} identical" if found else "missing", "all"))
            failed += [what] if not found or agree < cases else []
    print("| what | cases | worst figure | agreement |\n| --- | --- | --- | --- |")
    for what, cases, figure, bound in rows:
        print(f"| {what} | {cases:,} | {figure} | {bound}{' **no**' if what in failed else ''} |")
    sys.exit(1 if failed else 0)


main()
