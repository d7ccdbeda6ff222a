# SPDX-License-Identifier: GPL-3.0-or-later
# Writes optim.json: torch.optim.AdamW with gradient clipping, and transformers' schedules, step by step.
# Made with torch 2.13.0 and transformers 5.x (version in the file): python3 make_optim.py > optim.json
import json, math, torch, transformers
from transformers import get_scheduler, TrainingArguments

def adamw():
    torch.manual_seed(3)
    weights = torch.nn.Parameter(torch.randn(37))
    bias = torch.nn.Parameter(torch.randn(11))
    lr, decay, clip = 1e-2, 0.1, 0.5
    optimizer = torch.optim.AdamW([{"params": [weights], "weight_decay": decay}, {"params": [bias], "weight_decay": 0.0}], lr=lr)
    start, gradients, norms, values = torch.cat([weights.detach(), bias.detach()]).tolist(), [], [], []
    for step in range(6):
        gradient = torch.randn(48) * (0.01 if step == 2 else 1.0)   # once too small to be clipped
        gradients.append(gradient.tolist())
        weights.grad, bias.grad = gradient[:37].clone(), gradient[37:].clone()
        norms.append(torch.nn.utils.clip_grad_norm_([weights, bias], clip).item())
        for group in optimizer.param_groups: group["lr"] = lr / (step + 1)
        optimizer.step()
        values.append(torch.cat([weights.detach(), bias.detach()]).tolist())
    return {"weights": 37, "lr": lr, "weight_decay": decay, "max_grad_norm": clip, "start": start, "gradients": gradients, "norms": norms, "values": values}

def schedule(kind, rate, ratio, steps):
    warmup = math.ceil(steps * ratio)   # TrainingArguments.get_warmup_steps
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=rate)
    scheduler = get_scheduler({"constant": "constant_with_warmup"}.get(kind, kind), optimizer, num_warmup_steps=warmup, num_training_steps=steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step(); scheduler.step()
    return {"kind": kind, "rate": rate, "ratio": ratio, "steps": steps, "warmup": warmup, "rates": rates}

print(json.dumps({
    "torch": torch.__version__, "transformers": transformers.__version__, "adamw": adamw(),
    "schedules": [schedule(k, r, w, n) for k, r, w, n in [
        ("cosine", 2e-4, 0.03, 34), ("cosine", 1e-3, 0.0, 7), ("linear", 2e-4, 0.1, 25), ("linear", 1e-3, 0.5, 3), ("constant", 5e-4, 0.2, 9),
        ("cosine", 2e-4, 1.0, 4), ("linear", 2e-4, 0.03, 1)]]}))
