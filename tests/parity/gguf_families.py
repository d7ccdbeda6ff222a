# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares our reading of each family's tiny GGUF with transformers' (gguf_file=): logits in fp32 at most 2e-5 apart.

What transformers 5.24 (with gguf 0.19) reads, tried here; the rest it refuses or reads as something else, without a word:

    llama    without attention_bias and rope scaling (rope_freqs.weight)
    mistral  as llama, which its architecture is in GGUF; named "mistral" it is refused
    qwen2    all
    qwen3    heads of 128 only: it misses attention.key_length
    gemma3   heads of 256 only (its scale is query_pre_attn_scalar's default), five local layers to a global one, no linear scaling
    phi3     the whole head turning, no longrope, no window
    smollm3  not at all

tst_gguf_model compares the others, and all of these, with the same model's folder.
"""
import pathlib
import subprocess
import sys
import tempfile

import peer
import torch
from default_model import Ours
from transformers import AutoModelForCausalLM

MODELS = {
    "llama": "family=llama hidden=48 intermediate=64 heads=4 kvHeads=2 headDim=16 tied=no seed=13",
    "mistral": "family=mistral hidden=48 intermediate=64 heads=4 kvHeads=2 headDim=16 tied=no seed=14",
    "qwen2": "family=qwen2 hidden=48 intermediate=64 heads=4 kvHeads=2 seed=16",
    "qwen3": "family=qwen3 hidden=48 intermediate=64 heads=3 kvHeads=1 headDim=128 ropeTheta=1000000 seed=18",
    "gemma3": "family=gemma3_text hidden=64 intermediate=64 heads=2 kvHeads=1 headDim=256 layers=7 window=8 globalEvery=6 ropeTheta=1000000 localTheta=10000 seed=20",
    "phi3": "family=phi3 hidden=64 intermediate=56 heads=4 kvHeads=2 partialRotary=1 tied=no seed=26",
}


def main():
    cli = sys.argv[1] if len(sys.argv) > 1 else str(peer.ROOT / "build/bin/phibench-cli")
    ids, failed = peer.ids(40, 5), False
    with tempfile.TemporaryDirectory() as folder:
        for name, model in MODELS.items():
            file = pathlib.Path(folder) / f"{name}.gguf"
            subprocess.run([peer.TOOL, file, *model.split()], check=True)
            net = AutoModelForCausalLM.from_pretrained(folder, gguf_file=file.name, dtype=torch.float32, attn_implementation="eager", pad_token_id=None).eval()
            with torch.no_grad():
                theirs = net(torch.tensor([ids])).logits[0].double()
            error = float((Ours(cli, file).logits("fp32", ids) - theirs).abs().max())
            failed |= not error <= 2e-5
            print(f"GGUF, {name}, in transformers: max abs error of logits {error:.2g}, at most 2e-5")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
