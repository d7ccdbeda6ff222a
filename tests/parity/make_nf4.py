# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes nf4_products.safetensors: what bitsandbytes stores for bf16 matrices in NF4, plain and double, and products with them in float64.
The rows are whole blocks of 64: with a block over two rows, bitsandbytes 0.50.2 on a CPU reads back something else than it stored.

With $PHIBENCH_PHI2 (the folder of a full-size Phi-2) also for layers of it, whose weights the file does not repeat."""
import json
import os
import pathlib

import bitsandbytes
import peer
import torch
from bitsandbytes import functional
from safetensors import safe_open
from safetensors.torch import save_file

LAYERS = ["model.layers.0.self_attn.q_proj", "model.layers.13.self_attn.dense", "model.layers.31.mlp.fc1", "model.layers.5.mlp.fc2"]
tensors = {}


def add(name, weight, rows):
    codes, state = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=False)
    nested = functional.quantize_4bit(weight, blocksize=64, quant_type="nf4", compress_statistics=True)[1]
    read = functional.dequantize_4bit(codes, state)
    x = torch.randn(rows, weight.shape[1], generator=torch.Generator().manual_seed(7)).bfloat16()
    # The codes stand for float32 values; bitsandbytes' own products round them to bf16 first.
    exact = functional.dequantize_4bit(codes, functional.QuantState(state.absmax, state.shape, state.code, state.blocksize, state.quant_type, torch.float32))
    y = x.double() @ exact.double().T
    peers = bitsandbytes.matmul_4bit(x, codes.t(), quant_state=state).double()
    tensors.update({f"{name}.codes": codes.flatten(), f"{name}.absmax": state.absmax, f"{name}.read": read, f"{name}.x": x, f"{name}.y": y.float(),
                    f"{name}.scales": nested.absmax, f"{name}.scale_absmax": nested.state2.absmax, f"{name}.offset": nested.offset.reshape(1),
                    f"{name}.peers_error": ((peers - y).norm() / y.norm()).float().reshape(1)})


generator = torch.Generator().manual_seed(11)
for name, out, inner, rows in (("tiny", 48, 128, 70), ("tiny, odd number of rows", 33, 192, 5)):
    tensors[f"{name}.weight"] = (torch.randn(out, inner, generator=generator) * 0.02).bfloat16()
    add(name, tensors[f"{name}.weight"], rows)
if phi2 := os.environ.get("PHIBENCH_PHI2"):
    index = json.loads((pathlib.Path(phi2) / "model.safetensors.index.json").read_text())["weight_map"]
    for name in LAYERS:
        with safe_open(pathlib.Path(phi2) / index[name + ".weight"], "pt") as file:
            add(name, file.get_tensor(name + ".weight").bfloat16(), 96)
save_file({k: v.contiguous() for k, v in tensors.items()}, peer.out() / "nf4_products.safetensors",
          {**peer.VERSIONS, "bitsandbytes": bitsandbytes.__version__})
