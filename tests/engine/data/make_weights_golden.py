# SPDX-License-Identifier: GPL-3.0-or-later
# Makes weights_blocks.gguf, weights_blocks.safetensors (the same tensors as float32, by ggml's reference) and weights_reference.safetensors.
# Run with gguf 0.19.0, numpy 2.4.6, safetensors 0.8.0:  python make_weights_golden.py
import pathlib
import gguf
import numpy as np
from gguf import GGMLQuantizationType as T
from safetensors.numpy import save_file

here = pathlib.Path(__file__).parent
rng = np.random.default_rng(7)
writer = gguf.GGUFWriter(here / "weights_blocks.gguf", "llama")
writer.add_name("blocks")
writer.add_uint8("t.u8", 200)
writer.add_int8("t.i8", -100)
writer.add_uint16("t.u16", 60000)
writer.add_int16("t.i16", -30000)
writer.add_uint32("t.u32", 4000000000)
writer.add_int32("t.i32", -2000000000)
writer.add_uint64("t.u64", 1 << 40)
writer.add_int64("t.i64", -(1 << 40))
writer.add_float32("t.f32", 0.1)
writer.add_float64("t.f64", 0.1)
writer.add_bool("t.bool", True)
writer.add_string("t.text", "grüße")
writer.add_array("t.words", ["a", "", "bc"])
writer.add_array("t.ints", [1, -2, 3])
writer.add_array("t.reals", [0.5, -1.25])

expected = {}


def add(name, data, kind):
    shape = gguf.quant_shape_from_byte_shape(data.shape, kind) if data.dtype == np.uint8 else data.shape
    writer.add_tensor(name, data, raw_dtype=kind)
    plain = data if data.dtype == np.float64 else gguf.quants.dequantize(data, kind)
    expected[name] = plain.astype(np.float32).reshape(shape)


values = (rng.standard_normal((3, 64)) * np.array([[1e-3], [1], [300]])).astype(np.float32)
for kind in (T.F32, T.F16, T.BF16, T.Q8_0, T.Q4_0, T.Q4_1):
    add(kind.name.lower(), gguf.quants.quantize(values, kind), kind)
add("f64", values.astype(np.float64) * np.pi, T.F64)
for kind, halves in ((T.Q4_K, (0, 2)), (T.Q5_K, (0, 2)), (T.Q6_K, (208,))):  # gguf cannot quantise these: any bits are a valid block
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (2, size), dtype=np.uint8)
    for at in halves:
        blocks[:, at:at + 2] = (rng.standard_normal((2, 1)) * 0.01).astype(np.float16).view(np.uint8)
    add(kind.name.lower(), blocks, kind)
for kind in (T.Q5_0, T.Q5_1):
    add(kind.name.lower(), gguf.quants.quantize(values, kind), kind)
for kind, halves in ((T.IQ4_NL, (0,)), (T.Q2_K, (80, 82)), (T.Q3_K, (108,)), (T.IQ4_XS, (0,))):
    size = gguf.GGML_QUANT_SIZES[kind][1]
    blocks = rng.integers(0, 256, (3, size), dtype=np.uint8)
    for at in halves:
        blocks[:, at:at + 2] = (rng.standard_normal((3, 1)) * 0.01).astype(np.float16).view(np.uint8)
    add(kind.name.lower(), blocks, kind)
writer.write_header_to_file()
writer.write_kv_data_to_file()
writer.write_tensors_to_file()
writer.close()
save_file(expected, here / "weights_blocks.safetensors", metadata={"format": "pt"})

save_file({
    "b.weight": np.arange(6, dtype=np.float32).reshape(2, 3), "a.weight": np.arange(3, dtype=np.float16),
    "ids": np.array([[7, -8]], dtype=np.int64), "wide": np.array([0.5]), "mask": np.array([True, False, True]), "none": np.zeros((0, 4), np.float32),
    "scalar": np.array(2.5, dtype=np.float32), "codes": np.arange(5, dtype=np.uint8), "small": np.arange(-2, 3, dtype=np.int8),
    "short": np.arange(2, dtype=np.int16), "whole": np.arange(2, dtype=np.int32), "größe \"x\"\n": np.ones(1, np.float32),
}, here / "weights_reference.safetensors", metadata={"format": "pt"})
