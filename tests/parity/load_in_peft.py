# SPDX-License-Identifier: GPL-3.0-or-later
"""Loads in PEFT the adapters that tst_parity_forward wrote below the folder given, and compares logits: at most 1e-4 apart."""
import pathlib
import sys
import warnings

import peft
import torch
import transformers
from safetensors.torch import load_file

warnings.filterwarnings("error", message=".*(missing|unexpected).*")
failed, folders = False, sorted(p.parent for p in pathlib.Path(sys.argv[1]).glob("*/logits.safetensors"))
for folder in folders:
    base = transformers.AutoModelForCausalLM.from_pretrained(folder / "base", dtype=torch.float32)
    net = peft.PeftModel.from_pretrained(base, folder / "adapter").eval()
    with torch.no_grad():
        found = net(torch.tensor([[5, 90, 17, 200, 31, 31, 4, 120]])).logits[0]
    error = float((found - load_file(folder / "logits.safetensors")["logits"]).abs().max())
    failed |= not error <= 1e-4
    print(f"our adapter in PEFT, {folder.name}: max abs error of logits {error:.2g}, at most 1e-4")
sys.exit(1 if failed or not folders else 0)
