# SPDX-License-Identifier: GPL-3.0-or-later
# Loads MODEL and the adapter folders that follow in PEFT; fails on any key missing or unexpected, or any value that is not the file's.
# Tried with torch 2.13.0, transformers 5.24.0, peft 0.21.2:  python load_adapter_in_peft.py MODEL ADAPTER…
import sys
import warnings
import torch
from peft import PeftModel
from safetensors.torch import load_file
from transformers import AutoModelForCausalLM

warnings.filterwarnings("error", message=".*(missing|unexpected).*")
for folder in sys.argv[2:]:
    base = AutoModelForCausalLM.from_pretrained(sys.argv[1])
    model = PeftModel.from_pretrained(base, folder)
    stored = load_file(folder + "/adapter_model.safetensors")
    loaded = {key.replace(".default", ""): value for key, value in model.state_dict().items()}
    adapted = {key for key in loaded if "lora_" in key}
    assert adapted == {key for key in stored if "lora_" in key}, adapted ^ set(stored)
    for key, value in stored.items():
        assert torch.equal(loaded[key], value), key
    assert torch.isfinite(model(torch.arange(5)[None]).logits).all()
    print(folder, len(stored), "tensors")
