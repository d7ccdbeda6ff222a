# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes logits.json and logits.safetensors: transformers' float32 logits of texts alone, padded left and padded right."""
import peer
import torch
from safetensors.torch import save_file

cases, tensors = [], {}
for number, (name, model) in enumerate(peer.MODELS.items()):
    net = peer.load(model)
    start = peer.ids(3, 50 + number)  # the texts begin alike, so that the tests can pack them
    texts = [start + peer.ids(n, 10 * number + n) for n in (9, 2, 5)]
    case = {"name": name, "model": model, "fingerprint": peer.fingerprint(model), "shared": len(start), "texts": []}
    with torch.no_grad():
        for text, way in zip(texts, ("alone", "left", "right")):
            if way == "alone":
                logits = net(torch.tensor([text])).logits[0]
            else:
                rows = [peer.ids(14, 7), text]  # beside a longer one
                tokens, mask, positions = peer.padded(rows, way == "left")
                logits = net(tokens, attention_mask=mask, position_ids=positions).logits[1][mask[1].bool()]
            key = f"{number}.{way}"
            tensors[key] = logits.contiguous()
            case["texts"].append({"way": way, "ids": text, "logits": key})
    cases.append(case)
save_file(tensors, peer.out() / "logits.safetensors")
peer.write("logits.json", {"cases": cases})
