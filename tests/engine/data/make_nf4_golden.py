# SPDX-License-Identifier: GPL-3.0-or-later
# Makes nf4.safetensors (values, what bitsandbytes' CPU code stores for them, and what it reads back) and nf4_checkpoint.safetensors
# (a state dict with plain and double quantisation). Run with torch 2.13.0, bitsandbytes 0.50.2:  python make_nf4_golden.py
import pathlib
import sys
import bitsandbytes.functional as F
import torch
from bitsandbytes.nn import Linear4bit
from safetensors.torch import save_file

here = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
torch.manual_seed(5)
tensors = {"map": F.create_dynamic_map(), "values": F.get_4bit_type("nf4", device="cpu")}


def add(name, values):
    codes, state = F.quantize_4bit(values, blocksize=64, quant_type="nf4", compress_statistics=False)
    tensors.update({name + ".values": values, name + ".codes": codes.flatten(), name + ".absmax": state.absmax,
                    name + ".read": F.dequantize_4bit(codes, state)})


add("float32", torch.randn(6, 64))
add("bfloat16", (torch.randn(6, 64) * 0.02).bfloat16())
add("float16", (torch.randn(6, 64) * 0.02).half())
add("part", torch.randn(5, 38))        # the last block has 62 values
add("odd", torch.randn(3, 43))         # and here one
edges = torch.zeros(4, 64)             # zeros; tiny; one value alone; every place between two codes
edges[1] = torch.randn(64) * 1e-40
edges[2, 7] = -3e38
code = tensors["values"]
edges[3, :15] = (code[:-1] + code[1:]) / 2
edges[3, 15:30] = torch.nextafter(edges[3, :15], torch.tensor(2.0))
edges[3, 63] = 1
add("edges", edges)

scales = torch.rand(600) * 0.1 + 0.01
state = F.quantize_blockwise(scales - scales.mean(), blocksize=256)
tensors.update({"scales": scales, "scales.offset": scales.mean()[None], "scales.codes": state[0], "scales.absmax": state[1].absmax,
                "scales.read": F.dequantize_blockwise(*state) + scales.mean()})
save_file({k: v.contiguous() for k, v in tensors.items()}, here / "nf4.safetensors")

checkpoint = {}
for name, nested, kind in (("plain", False, torch.bfloat16), ("nested", True, torch.float16)):
    layer = Linear4bit(64, 12, bias=False, compress_statistics=nested, quant_type="nf4")
    layer.weight.data = (torch.randn(12, 64) * 0.05).to(kind)
    layer = layer.to("cpu")
    checkpoint.update({f"{name}.{k}": v for k, v in layer.state_dict().items()})
    checkpoint[name + ".read"] = F.dequantize_4bit(layer.weight.data, layer.weight.quant_state)
save_file({k: v.contiguous().clone() for k, v in checkpoint.items()}, here / "nf4_checkpoint.safetensors")
