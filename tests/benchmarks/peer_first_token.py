# SPDX-License-Identifier: GPL-3.0-or-later
"""Starts, reads the model and prints one greedy token. usage: peer_first_token.py MODEL_FOLDER PROMPT"""
import sys

import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

tokenizer = AutoTokenizer.from_pretrained(sys.argv[1])
model = AutoModelForCausalLM.from_pretrained(sys.argv[1], dtype=torch.bfloat16)
encoded = tokenizer(sys.argv[2], return_tensors="pt")
made = model.generate(**encoded, max_new_tokens=1, do_sample=False)
print(tokenizer.decode(made[0, encoded.input_ids.shape[1]:]), flush=True)
