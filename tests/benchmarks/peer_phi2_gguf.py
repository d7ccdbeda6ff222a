# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes a Phi-2 folder as a GGUF in Q4_0, for llama.cpp; its tokenizer too. usage: peer_phi2_gguf.py MODEL_FOLDER FILE.gguf"""
import json
import pathlib
import sys

import gguf
import numpy
import torch
from gguf import GGMLQuantizationType as Type
from safetensors import safe_open

NAMES = {"self_attn.dense": "attn_output", "mlp.fc1": "ffn_up", "mlp.fc2": "ffn_down", "input_layernorm": "attn_norm"}


def main():
    folder, out = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    index = json.loads((folder / "model.safetensors.index.json").read_text(encoding="utf-8"))["weight_map"]
    files = {name: safe_open(folder / name, "pt") for name in set(index.values())}
    part = out.with_name(out.name + ".part")
    writer = gguf.GGUFWriter(part, "phi2", use_temp_file=True)
    writer.add_name("phi2")
    writer.add_context_length(config["max_position_embeddings"])
    writer.add_embedding_length(config["hidden_size"])
    writer.add_feed_forward_length(config["intermediate_size"])
    writer.add_block_count(config["num_hidden_layers"])
    writer.add_head_count(config["num_attention_heads"])
    writer.add_head_count_kv(config["num_attention_heads"])
    writer.add_layer_norm_eps(config["layer_norm_eps"])
    writer.add_rope_dimension_count(int(config["partial_rotary_factor"] * config["hidden_size"]) // config["num_attention_heads"])
    writer.add_file_type(gguf.LlamaFileType.MOSTLY_Q4_0)
    tokens = {id: token for token, id in json.loads((folder / "vocab.json").read_text(encoding="utf-8")).items()}
    tokens |= {id: token for token, id in json.loads((folder / "added_tokens.json").read_text(encoding="utf-8")).items()}
    kinds = [3 if i == config["eos_token_id"] else 4 if i > config["eos_token_id"] else 1 for i in range(config["vocab_size"])]
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre("phi-2")
    writer.add_token_list([tokens.get(i, f"[PAD{i}]") for i in range(config["vocab_size"])])
    writer.add_token_types(kinds)
    writer.add_token_merges((folder / "merges.txt").read_text(encoding="utf-8").splitlines()[1:])
    writer.add_bos_token_id(config["bos_token_id"])
    writer.add_eos_token_id(config["eos_token_id"])
    writer.add_add_bos_token(False)

    def read(name):
        return files[index[name]].get_tensor(name).to(torch.float32).numpy()

    def add(name, values, quantise):
        if quantise:
            writer.add_tensor(name, gguf.quants.quantize(values, Type.Q4_0), raw_dtype=Type.Q4_0)
        else:
            writer.add_tensor(name, values)

    add("token_embd.weight", read("model.embed_tokens.weight"), True)
    for layer in range(config["num_hidden_layers"]):
        theirs, ours = f"model.layers.{layer}.", f"blk.{layer}."
        for end in ("weight", "bias"):
            add(f"{ours}attn_qkv.{end}", numpy.concatenate([read(f"{theirs}self_attn.{part}_proj.{end}") for part in "qkv"]), end == "weight")
            for name, short in NAMES.items():
                add(f"{ours}{short}.{end}", read(f"{theirs}{name}.{end}"), end == "weight" and "norm" not in name)
    for end in ("weight", "bias"):
        add(f"output_norm.{end}", read(f"model.final_layernorm.{end}"), False)
        add(f"output.{end}", read(f"lm_head.{end}"), end == "weight")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    part.rename(out)
    print(json.dumps({"event": "result", "file": str(out)}))


main()
