# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes gradients.json: PEFT's loss and gradients of one batch; of each parameter its norm and its product with sin(0.7 i + 1)."""
import itertools

import numpy
import peer
import torch

ANSWER = 2


def gradients_of(model, r, rslora, bias, loss_on, texts):
    net = peer.lora(peer.load(model), r, 8, bias, rslora)
    peer.fill(net)
    tokens, mask, _ = peer.padded(texts, left=False)
    labels = tokens.masked_fill(mask == 0, -100)
    if loss_on == "answer":
        for row, text in zip(labels, texts):
            row[: len(text) - ANSWER] = -100
    loss = net(input_ids=tokens, attention_mask=mask, labels=labels).loss
    loss.backward()
    gradients = {}
    for name, p in peer.trained(net).items():
        g = p.grad.double().flatten().numpy()
        gradients[name] = [float(numpy.linalg.norm(g)), float(g @ numpy.sin(0.7 * numpy.arange(g.size) + 1))]
    return {"model": model, "fingerprint": peer.fingerprint(model), "r": r, "alpha": 8, "rslora": rslora, "bias": bias, "loss_on": loss_on,
            "texts": texts, "answer": ANSWER, "loss": loss.item(), "gradients": gradients}


def main():
    models = [peer.MODELS["phi, 3 heads, rotary 0.4"], peer.MODELS["llama, GQA of threes, untied"]]
    start, cases = peer.ids(3, 5), []
    texts = [start + peer.ids(n, 20 + n) for n in (8, 4, 6)]
    for model, r, rslora, bias, loss_on in itertools.product(models, (1, 8, 64), (False, True), ("none", "all", "lora_only"), ("answer", "all")):
        if "llama" in model and bias != "none":
            continue  # it has none
        if rslora and r == 1:
            continue  # the same numbers
        cases.append(gradients_of(model, r, rslora, bias, loss_on, texts))
    peer.write("gradients.json", {"cases": cases})


if __name__ == "__main__":
    main()
