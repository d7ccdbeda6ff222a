# SPDX-License-Identifier: GPL-3.0-or-later
"""Compares the models that tst_merge merged below the folder given with PEFT's merge_and_unload on the same base and adapter: in float32
weights at most 1e-6 apart and logits 1e-5, in bfloat16 weights one rounding. Under NF4 bitsandbytes quantises the base."""
import pathlib
import sys

import peft
import torch
import transformers
from bitsandbytes.functional import dequantize_4bit
from safetensors.torch import load_file

IDS = torch.tensor([[5, 90, 17, 200, 31, 31, 4, 120]])
transformers.logging.set_verbosity_error()
transformers.utils.logging.disable_progress_bar()


def logits(net):
    with torch.no_grad():
        return net.eval()(IDS).logits[0].float()


def difference(ours, theirs, low):
    """The largest; of bfloat16 in units of its last place."""
    apart = (ours - theirs).abs()
    return float((apart / (theirs.abs() / 128).clip(min=1e-6) if low else apart).max())


def peers(folder):
    """Weights that PEFT has after merging, by their names in the base."""
    name = folder.name
    options = {"dtype": torch.bfloat16 if "bf16" in name else torch.float32}
    if "nf4" in name:
        options["quantization_config"] = transformers.BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_compute_dtype=torch.float32, bnb_4bit_use_double_quant="double" in name)
    net = transformers.AutoModelForCausalLM.from_pretrained(folder / "base", **options)
    net = peft.PeftModel.from_pretrained(net, folder / "adapter", autocast_adapter_dtype=True)
    if "nf4" not in name:
        return {n: p.detach() for n, p in net.merge_and_unload().state_dict().items()}
    # merge_and_unload would quantise the sums to 4 bits again; these are the sums.
    weights = {}
    for path, module in net.base_model.model.named_modules():
        if not hasattr(module, "base_layer"):
            continue
        base = module.base_layer
        weights[path + ".weight"] = dequantize_4bit(base.weight.data, base.weight.quant_state) + module.get_delta_weight("default")
        if base.bias is not None:
            weights[path + ".bias"] = base.bias.detach()
    return weights


failed, folders = False, sorted(p.parent for p in pathlib.Path(sys.argv[1], "merge").glob("*/logits.safetensors"))
for folder in folders:
    name = folder.name
    if any(other in name for other in ("mixer", "query_key_value")):  # transformers reads these namings only by code of their own
        continue
    net = transformers.AutoModelForCausalLM.from_pretrained(folder / "merged", dtype="auto")
    ours = dict(net.state_dict())
    low = "bf16" in name
    assert net.dtype == (torch.bfloat16 if low else torch.float32), net.dtype
    error = float((logits(net.float()) - load_file(folder / "logits.safetensors")["logits"]).abs().max())
    failed |= not error <= (5e-2 if low else 2e-5)
    text = f"merged, {name}: logits {error:.2g}"
    if "gguf" not in name:
        theirs = peers(folder)
        apart = {n: difference(ours[n].float(), w.float(), low) for n, w in theirs.items()}
        worst = max(apart, key=apart.get)
        failed |= not apart[worst] <= (1 if low else 1e-6)
        text += f", {len(apart)} weights against PEFT's {apart[worst]:.2g}" + (" roundings" if low else "") + f" ({worst})"
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder / "merged")
    ids = tokenizer("the price of 1234 rose<|endoftext|>")["input_ids"]
    failed |= tokenizer.decode(ids) != "the price of 1234 rose<|endoftext|>" or ids[-1] != tokenizer.eos_token_id
    print(text)
sys.exit(1 if failed or not folders else 0)
