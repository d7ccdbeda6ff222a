# SPDX-License-Identifier: GPL-3.0-or-later
# Makes adapters/: what PEFT saves for tiny random models, and adapters.json: what each module's rank and scaling are in PEFT.
# Run with torch 2.13.0, transformers 5.24.0, peft 0.21.2:  python make_adapter_golden.py
import json
import pathlib
import shutil
import torch
from peft import LoraConfig, get_peft_model
from transformers import LlamaConfig, LlamaForCausalLM, PhiConfig, PhiForCausalLM

here = pathlib.Path(__file__).parent
shutil.rmtree(here / "adapters", ignore_errors=True)
torch.manual_seed(0)


def phi():
    return PhiForCausalLM(PhiConfig(vocab_size=8, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=2))


def llama():
    return LlamaForCausalLM(LlamaConfig(vocab_size=8, hidden_size=8, intermediate_size=12, num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=2))


CASES = {
    "list": (llama, dict(r=4, lora_alpha=8, lora_dropout=0.05, target_modules=["v_proj", "q_proj"])),
    "all_linear": (llama, dict(r=2, lora_alpha=2, target_modules="all-linear")),
    "regex": (llama, dict(r=2, lora_alpha=4, target_modules=r".*layers\.1\.self_attn\.(q|v)_proj")),
    "layers": (llama, dict(r=2, lora_alpha=4, target_modules=["q_proj", "k_proj"], layers_to_transform=[1])),
    "rslora": (llama, dict(r=4, lora_alpha=8, use_rslora=True, target_modules=["o_proj"])),
    "patterns": (llama, dict(r=2, lora_alpha=4, target_modules=["q_proj", "k_proj", "down_proj"], rank_pattern={"q_proj": 3, r"layers\.1\.mlp\.\w+": 1},
                             alpha_pattern={"k_proj": 9, r"^model\.layers\.0\.self_attn\.q_proj": 5})),
    "bias_all": (phi, dict(r=2, lora_alpha=4, bias="all", target_modules=["q_proj", "fc2"])),
    "bias_lora_only": (phi, dict(r=2, lora_alpha=4, bias="lora_only", target_modules=["dense", "fc1"])),
}
facts = {}
for name, (base, options) in CASES.items():
    model = get_peft_model(base(), LoraConfig(task_type="CAUSAL_LM", **options))
    for key, value in model.named_parameters():
        if "lora_B" in key or value.requires_grad and key.endswith(".bias"):
            torch.nn.init.normal_(value)
    model.save_pretrained(here / "adapters" / name)
    (here / "adapters" / name / "README.md").unlink()
    facts[name] = {
        key.removeprefix("base_model.model."): {"r": module.r["default"], "scaling": module.scaling["default"], "b": module.lora_B["default"].weight[-1].tolist()}
        for key, module in model.named_modules() if hasattr(module, "lora_A") and "default" in module.lora_A}
(here / "adapters.json").write_text(json.dumps(facts, indent=1) + "\n")
