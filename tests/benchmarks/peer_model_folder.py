# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the Hugging Face folder that the peers read, in bfloat16, out of the default model's GGUF.
usage: peer_model_folder.py GGUF FOLDER"""
import json
import pathlib
import shutil
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer


def split_digits(tokenizer_json):
    """A tokenizer made from a GGUF has lost SmolLM2's splitting of numbers into digits, and with it would read other tokens."""
    settings = json.loads(tokenizer_json.read_text(encoding="utf-8"))
    steps = settings["pre_tokenizer"]
    steps = steps["pretokenizers"] if steps["type"] == "Sequence" else [steps]
    if not any(step["type"] == "Digits" for step in steps):
        steps.insert(0, {"type": "Digits", "individual_digits": True})
        settings["pre_tokenizer"] = {"type": "Sequence", "pretokenizers": steps}
        tokenizer_json.write_text(json.dumps(settings, ensure_ascii=False), encoding="utf-8")


def main():
    gguf, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    model = AutoModelForCausalLM.from_pretrained(gguf.parent, gguf_file=gguf.name, dtype=torch.float32)
    tokenizer = AutoTokenizer.from_pretrained(gguf.parent, gguf_file=gguf.name)
    # It was read de-quantised, but remembers that the file was not.
    model.hf_quantizer, model.is_quantized = None, False
    model.__dict__.pop("quantization_method", None)
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config
    part = folder.with_name(folder.name + ".part")
    shutil.rmtree(part, ignore_errors=True)
    model.to(torch.bfloat16).save_pretrained(part)
    tokenizer.save_pretrained(part)
    split_digits(part / "tokenizer.json")
    shutil.rmtree(folder, ignore_errors=True)
    part.rename(folder)


main()
