# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes adapters.json, adapters.safetensors and folders that PEFT and TRL saved: adapters to load here and the logits they must give."""
import shutil
import tempfile

import peer
import peft
import torch
import trl
from datasets import Dataset
from safetensors.torch import save_file
from transformers import AutoTokenizer

PHI, LLAMA = peer.MODELS["phi, 3 heads, rotary 0.4"], peer.MODELS["llama, GQA, tied"]
CASES = [
    ("phi, all-linear", PHI, {"r": 4, "alpha": 8}),
    ("phi, all biases, rslora", PHI, {"r": 3, "alpha": 6, "bias": "all", "rslora": True, "targets": ["q_proj", "v_proj", "dense"]}),
    ("phi, adapted layers' biases", PHI, {"r": 2, "alpha": 2, "bias": "lora_only", "targets": ["k_proj", "fc1", "fc2"]}),
    ("llama, regular expression", LLAMA, {"r": 4, "alpha": 16, "targets": r".*\.1\.(self_attn\.[qo]_proj|mlp\.down_proj)"}),
]


def save(net, name):
    folder = peer.out() / name
    shutil.rmtree(folder, ignore_errors=True)
    net.peft_config["default"].base_model_name_or_path = "tiny"
    net.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    return folder.name


def trained_by_trl(model):
    tokenizer = AutoTokenizer.from_pretrained(peer.folder(model))
    tokenizer.pad_token = tokenizer.eos_token
    data = Dataset.from_list([{"prompt": f"row {n} [", "completion": " positive" if n % 2 else " negative"} for n in range(16)])
    with tempfile.TemporaryDirectory() as folder:
        settings = trl.SFTConfig(output_dir=folder, max_steps=6, per_device_train_batch_size=4, learning_rate=2e-2, report_to="none",
                                 save_strategy="no", logging_strategy="no", disable_tqdm=True, use_cpu=True, bf16=False, seed=1)
        config = peft.LoraConfig(r=4, lora_alpha=8, lora_dropout=0.05, target_modules="all-linear", task_type="CAUSAL_LM")
        trainer = trl.SFTTrainer(model=peer.load(model), args=settings, train_dataset=data, processing_class=tokenizer, peft_config=config)
        trainer.train()
        return trainer.model


def case(number, name, model, net, folder):
    text = peer.ids(10, 80 + number)
    with torch.no_grad():
        tensors[str(number)] = net.eval()(torch.tensor([text])).logits[0].float().contiguous()
    return {"name": name, "model": model, "fingerprint": peer.fingerprint(model), "folder": save(net, folder), "ids": text}


cases, tensors = [], {}
for number, (name, model, options) in enumerate(CASES):
    net = peer.lora(peer.load(model), **options)
    peer.fill(net)
    cases.append(case(number, name, model, net, f"peft-{number}"))
cases.append(case(len(CASES), "phi, trained by TRL", PHI, trained_by_trl(PHI), "trl"))
save_file(tensors, peer.out() / "adapters.safetensors")
peer.write("adapters.json", {"cases": cases}, {**peer.VERSIONS, "trl": trl.__version__})
