# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes adapters.json, adapters.safetensors and folders peft-N that PEFT saved: adapters to load here and the logits they must give."""
import shutil

import peer
import torch
from safetensors.torch import save_file

PHI, LLAMA = peer.MODELS["phi, 3 heads, rotary 0.4"], peer.MODELS["llama, GQA, tied"]
CASES = [
    ("phi, all-linear", PHI, {"r": 4, "alpha": 8}),
    ("phi, all biases, rslora", PHI, {"r": 3, "alpha": 6, "bias": "all", "rslora": True, "targets": ["q_proj", "v_proj", "dense"]}),
    ("phi, adapted layers' biases", PHI, {"r": 2, "alpha": 2, "bias": "lora_only", "targets": ["k_proj", "fc1", "fc2"]}),
    ("llama, regular expression", LLAMA, {"r": 4, "alpha": 16, "targets": r".*\.1\.(self_attn\.[qo]_proj|mlp\.down_proj)"}),
]

cases, tensors = [], {}
for number, (name, model, options) in enumerate(CASES):
    net = peer.lora(peer.load(model), **options)
    peer.fill(net)
    net.peft_config["default"].base_model_name_or_path = "tiny"
    saved = peer.out() / f"peft-{number}"
    shutil.rmtree(saved, ignore_errors=True)
    net.save_pretrained(saved, save_embedding_layers=False)
    (saved / "README.md").unlink(missing_ok=True)
    text = peer.ids(10, 80 + number)
    with torch.no_grad():
        tensors[str(number)] = net.eval()(torch.tensor([text])).logits[0].contiguous()
    cases.append({"name": name, "model": model, "fingerprint": peer.fingerprint(model), "folder": saved.name, "ids": text})
save_file(tensors, peer.out() / "adapters.safetensors")
peer.write("adapters.json", {"cases": cases})
