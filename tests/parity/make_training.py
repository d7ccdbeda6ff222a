# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes training.json and training.safetensors: 100 steps of torch's AdamW over PEFT, with accumulation, clipping, warm-up and cosine.

The order of samples is engine/train/order.h's, written here a second time, so that both sides see the same batches.
"""
import math

import peer
import torch
from safetensors.torch import save_file
from transformers import get_cosine_schedule_with_warmup

M64 = (1 << 64) - 1
SAMPLES, BATCH, MICRO, EPOCHS, SEED = 38, 8, 3, 20, 9
RATE, DECAY, CLIP, WARMUP = 5e-3, 0.1, 1.0, 0.1


class Mt19937_64:
    def __init__(self, seed):
        self.state, self.at = [seed & M64], 312
        for i in range(1, 312):
            self.state.append((6364136223846793005 * (self.state[-1] ^ (self.state[-1] >> 62)) + i) & M64)

    def __call__(self):
        if self.at == 312:
            s = self.state
            for i in range(312):
                x = (s[i] & 0xFFFFFFFF80000000) | (s[(i + 1) % 312] & 0x7FFFFFFF)
                s[i] = s[(i + 156) % 312] ^ (x >> 1) ^ (0xB5026F5AA96619E9 if x & 1 else 0)
            self.at = 0
        x = self.state[self.at]
        self.at += 1
        x ^= (x >> 29) & 0x5555555555555555
        x ^= (x << 17) & 0x71D67FFFEDA60000
        x ^= (x << 37) & 0xFFF7EEE000000000
        return x ^ (x >> 43)


def mixed(a, b):
    z = (a + 0x9E3779B97F4A7C15 * (b + 1)) & M64
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & M64
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & M64
    return z ^ (z >> 31)


def batches(epochs):
    for epoch in range(epochs):
        draw, order = Mt19937_64(mixed(SEED, epoch)), list(range(SAMPLES))
        for left in range(SAMPLES, 1, -1):
            rest, x = (1 << 64) % left, draw()
            while x < rest:
                x = draw()
            order[left - 1], order[x % left] = order[x % left], order[left - 1]
        yield from (order[i:i + BATCH] for i in range(0, SAMPLES, BATCH))


def samples():
    """Questions that begin alike; the last token decides the answer of one or two."""
    for n in range(SAMPLES):
        label = n % 3
        question = [5, 6, 7, 8, 9, 10, 11] + peer.ids(2 + n % 4, n) + [120 + label]
        yield {"ids": question + ([200 + label, 210] if label == 2 else [200 + label]), "answer": len(question)}


def train(model, r, alpha, bias, data, epochs=EPOCHS):
    net = peer.lora(peer.load(model), r, alpha, bias).train()
    peer.fill(net, zero_b=True)
    named = peer.trained(net)
    steps = epochs * math.ceil(SAMPLES / BATCH)
    optimizer = torch.optim.AdamW([{"params": [p for n, p in named.items() if ".lora_" in n], "weight_decay": DECAY},
                                   {"params": [p for n, p in named.items() if ".lora_" not in n], "weight_decay": 0.0}], lr=RATE)
    scheduler = get_cosine_schedule_with_warmup(optimizer, math.ceil(WARMUP * steps), steps)
    losses, norms = [], []
    for batch in batches(epochs):
        counted = sum(len(data[i]["ids"]) - data[i]["answer"] for i in batch)
        total = 0.0
        for at in range(0, len(batch), MICRO):
            rows = [data[i] for i in batch[at:at + MICRO]]
            tokens, mask, _ = peer.padded([row["ids"] for row in rows], left=False)
            labels = tokens.masked_fill(mask == 0, -100)
            for line, row in zip(labels, rows):
                line[: row["answer"]] = -100
            loss = net(input_ids=tokens, attention_mask=mask, labels=labels, num_items_in_batch=counted).loss
            loss.backward()
            total += loss.item()
        norms.append(float(torch.nn.utils.clip_grad_norm_(list(named.values()), CLIP)))
        losses.append(total)
        optimizer.step()
        scheduler.step()
        optimizer.zero_grad()
    return losses, norms, {n: p.detach().clone().contiguous() for n, p in named.items()}


def main():
    data, cases, tensors = list(samples()), [], {}
    for name, r, alpha, bias in (("phi, 3 heads, rotary 0.4", 4, 8, "all"), ("llama, GQA, tied", 4, 4, "none")):
        model = peer.MODELS[name]
        losses, norms, values = train(model, r, alpha, bias, data)
        tensors |= {f"{len(cases)}.{n}": v for n, v in values.items()}
        cases.append({"name": name, "model": model, "fingerprint": peer.fingerprint(model), "r": r, "alpha": alpha, "bias": bias,
                      "losses": losses, "grad_norms": norms})
    save_file(tensors, peer.out() / "training.safetensors")
    peer.write("training.json", {"batch_size": BATCH, "micro_batch_size": MICRO, "epochs": EPOCHS, "seed": SEED, "learning_rate": RATE, "weight_decay": DECAY,
                                 "max_grad_norm": CLIP, "warmup_ratio": WARMUP, "samples": data, "cases": cases})


if __name__ == "__main__":
    main()
