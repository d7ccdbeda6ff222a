# SPDX-License-Identifier: GPL-3.0-or-later
"""What the make_*.py scripts share: our tiny models in transformers, adapter values by formula, and where golden files go.

Each script writes its golden files into tests/parity/golden, or into the folder given as its argument. Our tiny models come from
build/tests/write_tiny_model ($PHIBENCH_WRITE_TINY_MODEL names another).
"""
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import numpy
import peft
import torch
import transformers
from safetensors.torch import load_file

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOOL = os.environ.get("PHIBENCH_WRITE_TINY_MODEL", str(ROOT / "build/tests/write_tiny_model"))
MODELS = {
    "phi, 3 heads, rotary 0.4": "family=phi hidden=48 intermediate=64 heads=3 partialRotary=0.4 dialect=transformers5",
    "phi, 5 heads, rotary 0.5": "family=phi hidden=100 intermediate=68 heads=5 partialRotary=0.5 dialect=transformers4 seed=2",
    "llama, GQA, tied": "family=llama hidden=64 intermediate=96 heads=4 kvHeads=2 tied=yes seed=3",
    "llama, GQA of threes, untied": "family=llama hidden=96 intermediate=72 heads=6 kvHeads=2 tied=no dialect=transformers4 seed=4",
    "llama, one key head, untied": "family=llama hidden=60 intermediate=56 heads=3 kvHeads=1 tied=no ropeTheta=100000 seed=5",
}
VERSIONS = {"python": sys.version.split()[0], "numpy": numpy.__version__, "torch": torch.__version__,
            "transformers": transformers.__version__, "peft": peft.__version__}
torch.set_num_threads(2)
transformers.logging.set_verbosity_error()
_folders = tempfile.TemporaryDirectory()


def folder(model):
    """The model's folder; `model` is its options as text."""
    path = pathlib.Path(_folders.name) / hashlib.sha256(model.encode()).hexdigest()[:12]
    if not path.exists():
        subprocess.run([TOOL, str(path), *model.split()], check=True)
    return path


def fingerprint(model):
    """Sum of |w|, by which the tests know that their tiny model is the peer's."""
    return sum(float(t.double().abs().sum()) for t in load_file(folder(model) / "model.safetensors").values())


def load(model):
    return transformers.AutoModelForCausalLM.from_pretrained(folder(model), dtype=torch.float32, attn_implementation="eager").eval()


def plain(name):
    """A parameter's name as in an adapter's file."""
    return name.replace(".default", "").replace(".base_layer", "")


def trained(model):
    """Parameters that train, by their names in an adapter's file, sorted."""
    return dict(sorted((plain(n), p) for n, p in model.named_parameters() if p.requires_grad))


def fill(model, zero_b=False):
    """A and B become 0.1 sin(1.7 i + 0.3 k) for element i of parameter k in the order of names; biases move by it."""
    with torch.no_grad():
        for k, (name, p) in enumerate(trained(model).items()):
            wave = 0.1 * numpy.sin(1.7 * numpy.arange(p.numel()) + 0.3 * k)
            value = torch.from_numpy(wave.astype(numpy.float32)).view(p.shape)
            if ".lora_B." in name and zero_b:
                p.zero_()
            elif ".lora_" in name:
                p.copy_(value)
            else:
                p.add_(value)


def lora(model, r, alpha, bias="none", rslora=False, targets="all-linear", dropout=0.0):
    return peft.get_peft_model(model, peft.LoraConfig(r=r, lora_alpha=alpha, lora_dropout=dropout, bias=bias, use_rslora=rslora,
                                                      target_modules=targets, task_type="CAUSAL_LM"))


def ids(count, seed):
    """Tokens that no merge or end mark is among."""
    return [(seed * 37 + i * i * 11 + i * 5) % 250 for i in range(count)]


def padded(rows, left, fill_with=0):
    """Ids, attention mask and positions of a batch."""
    width = max(map(len, rows))
    pad = [[fill_with] * (width - len(r)) for r in rows]
    tokens = torch.tensor([p + r if left else r + p for p, r in zip(pad, rows)])
    mask = torch.tensor([[0] * len(p) + [1] * len(r) if left else [1] * len(r) + [0] * len(p) for p, r in zip(pad, rows)])
    return tokens, mask, (mask.cumsum(1) - 1).clamp(min=0)


def out():
    path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "tests/parity/golden"
    path.mkdir(parents=True, exist_ok=True)
    return path


def rounded(value):
    if isinstance(value, float):
        return float(f"{value:.9g}")
    if isinstance(value, dict):
        return {k: rounded(v) for k, v in value.items()}
    return [rounded(v) for v in value] if isinstance(value, (list, tuple)) else value


def write(name, content, versions=VERSIONS):
    text = json.dumps({"versions": versions, **rounded(content)}, ensure_ascii=False, separators=(",", ":"))
    (out() / name).write_text(text.replace('},{"', '},\n{"') + "\n", encoding="utf-8")
