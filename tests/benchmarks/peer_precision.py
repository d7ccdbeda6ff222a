# SPDX-License-Identifier: GPL-3.0-or-later
"""How transformers is told to load a model in NF4."""
import torch


def quantization(precision):
    """What from_pretrained wants for "nf4"; nothing for others."""
    if precision != "nf4":
        return None
    from transformers import BitsAndBytesConfig
    return BitsAndBytesConfig(load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=False, bnb_4bit_compute_dtype=torch.bfloat16)
