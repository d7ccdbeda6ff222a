# SPDX-License-Identifier: GPL-3.0-or-later
"""The article's training with TRL and PEFT: one epoch in bfloat16, all threads, no gradient checkpointing, the engine's batches in its order.
Timed from the first step's beginning to the last one's end. usage: peer_train.py ROWS.json MODEL_FOLDER answer|all SCRATCH_FOLDER bf16|nf4"""
import hashlib
import json
import math
import sys
import time

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from peer_precision import quantization
from trl import SFTConfig, SFTTrainer


class Clock(TrainerCallback):
    begin = end = 0.0

    def on_step_begin(self, args, state, control, **kwargs):
        if state.global_step == 0:
            self.begin = time.perf_counter()

    def on_step_end(self, args, state, control, **kwargs):
        self.end = time.perf_counter()


def dataset(rows, loss_on):
    train = [rows["train"][number] for number in rows["order"]]
    if loss_on == "all":  # as the article: whole texts, which TRL ends with an end-of-text token
        return Dataset.from_dict({"text": [row["question"] + row["answer"] for row in train]})
    return Dataset.from_dict({
        "input_ids": [row["question_ids"] + row["answer_ids"] for row in train],
        "labels": [[-100] * len(row["question_ids"]) + row["answer_ids"] for row in train],
    })


def main():
    rows_file, folder, loss_on, scratch, precision = sys.argv[1:]
    with open(rows_file, encoding="utf-8") as file:
        rows = json.load(file)
    spec, lora = rows["training"], rows["lora"]
    steps = math.ceil(len(rows["train"]) / spec["batch_size"])
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.bfloat16, quantization_config=quantization(precision))
    config = SFTConfig(
        output_dir=scratch, num_train_epochs=1, per_device_train_batch_size=spec["batch_size"], gradient_accumulation_steps=1,
        learning_rate=spec["learning_rate"], weight_decay=spec["weight_decay"], max_grad_norm=spec["max_grad_norm"],
        warmup_steps=math.ceil(spec["warmup_ratio"] * steps), lr_scheduler_type=spec["schedule"], optim="adamw_torch",
        max_length=spec["max_tokens"], packing=False, gradient_checkpointing=False, bf16=True, use_cpu=True,
        train_sampling_strategy="sequential", shuffle_dataset=False, logging_steps=1, report_to=[], save_strategy="no", disable_tqdm=True,
        seed=spec["seed"])
    adapter = LoraConfig(r=lora["r"], lora_alpha=lora["alpha"], lora_dropout=lora["dropout"], bias=lora["bias"], target_modules=lora["targets"],
                         task_type="CAUSAL_LM")
    clock = Clock()
    trainer = SFTTrainer(model=model, args=config, train_dataset=dataset(rows, loss_on), processing_class=tokenizer, peft_config=adapter,
                         callbacks=[clock])
    trainer.train()
    tokens = [list(ids) for ids in trainer.train_dataset["input_ids"]]
    print(json.dumps({
        "event": "result", "examples": len(tokens), "seconds": clock.end - clock.begin, "threads": torch.get_num_threads(),
        "losses": [float(entry["loss"]) for entry in trainer.state.log_history if "loss" in entry],
        "tokens": sum(map(len, tokens)), "tokens_sha256": hashlib.sha256(json.dumps(tokens).encode()).hexdigest()}))


main()
