# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the logits of the default model (SmolLM2, GGUF) with transformers': fp32 within 1e-3, bf16 as near to the truth as its own;
with --full also with an adapter trained here, in PEFT, and one trained by TRL, here.

    python tests/parity/default_model.py [--full] [--model FILE.gguf] [--cli build/bin/phibench-cli]
"""
import argparse
import copy
import json
import pathlib
import subprocess
import sys
import tempfile

import torch
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM, AutoTokenizer

ROOT = pathlib.Path(__file__).resolve().parents[2]
TEXT = """Analyze the sentiment of the news headline enclosed in square brackets, determine if it is positive, neutral, or negative, and return
the answer as the corresponding sentiment label. [The company's quarterly revenue rose by 12.5 % to EUR 310 million.] = positive
The old lighthouse keeper wrote: "Seventeen ships passed today; none of them waved." for i in range(10): print(i ** 2)"""


class Ours:
    def __init__(self, cli, model):
        self.cli, self.model = cli, model

    def __call__(self, *arguments):
        run = subprocess.run([self.cli, *map(str, arguments)], capture_output=True, encoding="utf-8")
        if run.returncode:
            sys.exit(f"{self.cli} {arguments[0]}: exit {run.returncode}\n{run.stderr}")
        return run.stdout

    def logits(self, precision, ids, *more):
        with tempfile.TemporaryDirectory() as folder:
            file = pathlib.Path(folder) / "logits.safetensors"
            self("logits", "--model", self.model, "--precision", precision, "--ids", ",".join(map(str, ids)), "--out", file, *more)
            return load_file(file)["logits"].double()


def adapters(ours, net, tokenizer, ids):
    """One trained here, loaded by PEFT; one trained by TRL, loaded here. Errors are relative to the logits' root mean square."""
    import datasets
    import peft
    import trl

    def compare(name, trained, folder):
        with torch.no_grad():
            theirs = trained.eval()(torch.tensor([ids])).logits[0].double()
            base = trained.disable_adapter()
            with base:
                moved = float((trained(torch.tensor([ids])).logits[0].double() - theirs).abs().max())
        scale = float(theirs.square().mean().sqrt())
        error = float((ours.logits("fp32", ids, "--adapter", folder) - theirs).abs().max()) / scale
        print(f"default model, {name}: max error of logits over their root mean square {error:.2g}, at most 1e-4 (the adapter moves them by {moved / scale:.2g})")
        return error <= 1e-4 and moved / scale > 1e-2

    with tempfile.TemporaryDirectory() as folder:
        settings = {"data.split.train_per_label": 16, "data.split.test_per_label": 2, "data.split.eval_per_label": 0, "train.epochs": 1, "train.learning_rate": 2e-3,
                    "lora.bias": "none", "model.path": ours.model}
        told = ours("--json", "--db", f"{folder}/runs.db", "train", ROOT / "experiments/opinion-sentiment.yaml", *(part for key, value in settings.items() for part in ("--set", f"{key}={value}")))
        result = next(e for e in map(json.loads, told.splitlines()) if e["event"] == "result")
        trained = peft.PeftModel.from_pretrained(copy.deepcopy(net), result["adapter"])
        ok = compare("adapter trained here, in PEFT", trained, result["adapter"])

        tokenizer.pad_token = tokenizer.eos_token
        data = datasets.Dataset.from_list([{"prompt": f"Sentence {n} [{TEXT[7 * n:7 * n + 60]}] =", "completion": " positive" if n % 2 else " negative"} for n in range(24)])
        spec = trl.SFTConfig(output_dir=f"{folder}/trl", max_steps=6, per_device_train_batch_size=4, learning_rate=2e-3, report_to="none", save_strategy="no", logging_strategy="no",
                             disable_tqdm=True, use_cpu=True, bf16=False, seed=1)
        lora = peft.LoraConfig(r=8, lora_alpha=16, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer = trl.SFTTrainer(model=copy.deepcopy(net), args=spec, train_dataset=data, processing_class=tokenizer, peft_config=lora)
        trainer.train()
        trainer.model.save_pretrained(f"{folder}/adapter", save_embedding_layers=False)
        return compare("adapter trained by TRL, here", trainer.model, f"{folder}/adapter") and ok


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--cli", default=str(ROOT / "build/bin/phibench-cli"))
    args = parser.parse_args()
    where = {"pretrained_model_name_or_path": str(args.model.parent), "gguf_file": args.model.name}
    tokenizer = AutoTokenizer.from_pretrained(**where)
    ids = tokenizer(TEXT).input_ids
    ours = Ours(args.cli, args.model)
    net = AutoModelForCausalLM.from_pretrained(**where, dtype=torch.float32).eval()
    # It was read de-quantised, but remembers that the file was not, and TRL would refuse to train it.
    net.hf_quantizer, net.is_quantized = None, False
    net.__dict__.pop("quantization_method", None)
    net.config.__dict__.pop("quantization_config", None)

    def theirs():
        with torch.no_grad():
            return net(torch.tensor([ids])).logits[0].double()

    truth = theirs()
    scale = float(truth.square().mean().sqrt())
    fp32 = float((ours.logits("fp32", ids) - truth).norm() / truth.norm())
    ok = fp32 <= 1e-3
    print(f"default model, fp32, {len(ids)} tokens: relative error of logits {fp32:.2g}, at most 1e-3 (root mean square of logits {scale:.3g})")
    if args.full:
        ok &= adapters(ours, net, tokenizer, ids)
    net.to(torch.bfloat16)
    peer = theirs()
    mine = ours.logits("bf16", ids)
    for name, size in (("root mean square", lambda e: e.square().mean().sqrt()), ("largest", lambda e: e.abs().max())):
        a, b = float(size(mine - truth)), float(size(peer - truth))
        print(f"default model, bf16, {name} error against fp32: ours {a:.4g}, transformers' {b:.4g}; ratio {a / b:.3f}, at most 1.2")
        ok &= a <= 1.2 * b
    sys.exit(0 if ok else 1)


if __name__ == "__main__":
    main()
