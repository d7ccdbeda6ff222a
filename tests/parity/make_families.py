# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes families/FAMILY.json and .safetensors for each family of families.py: transformers' logits, PEFT's gradients, 20 steps of
training, bitsandbytes' NF4, greedy continuations and an adapter that PEFT saved. Of logits every 19th column is kept.

    python tests/parity/make_families.py [FOLDER [FAMILY…]]
"""
import shutil
import sys

import families
import numpy
import peer
import torch
from bitsandbytes import functional
from make_generation import greedy
from make_gradients import gradients_of
from make_training import samples, train
from safetensors.torch import save_file

COLUMNS, NEW, EPOCHS = 19, 32, 4
FOLDER = peer.out() / "families"


def longrope(model):
    return "scaling=longrope" in model


def forward(net, key, number, extra, cached, tensors):
    """Texts alone, padded left and padded right; those of one group, and what is `cached` of them, lie on one side of longrope's switch."""
    start = peer.ids(3, 50 + number)
    texts, told = [start + peer.ids(n, 10 * number + n) for n in extra], []
    for text, way in zip(texts, ("alone", "left", "right")):
        if way == "alone":
            logits = net(torch.tensor([text])).logits[0]
        else:
            tokens, mask, positions = peer.padded([peer.ids(len(text) + 4, 7), text], way == "left")
            logits = net(tokens, attention_mask=mask, position_ids=positions).logits[1][mask[1].bool()]
        tensors[f"{key}.{way}"] = logits[:, ::COLUMNS].contiguous()
        told.append({"way": way, "ids": text, "logits": f"{key}.{way}"})
    return {"shared": len(start), "cached": cached, "columns": COLUMNS, "texts": told}


def gradients(model, number):
    """Texts beyond the window; under longrope once within the original context and once beyond it."""
    bias = "all" if "qwen2" in model or "attentionBias=yes" in model else "none"
    start, cases = peer.ids(3, 5), []
    for extra in ((22, 14, 17), (41, 36, 39))[: 2 if longrope(model) else 1]:
        texts = [start + peer.ids(n, 20 + n + number) for n in extra]
        for loss_on in ("answer", "all") if number == 0 else ("all",):
            cases.append(gradients_of(model, 4, number % 2 == 1, bias, loss_on, texts))
    return cases


def in_gguf(family, model):
    """Whether a GGUF can say it: see tests/support/tiny_gguf.h."""
    windowless = family in ("mistral", "qwen2", "qwen3") and "window=" in model
    return not (windowless or "queryScalar=" in model or "noRopeEvery=" in model)


def summary(value):
    g = value.double().flatten().numpy()
    return [float(numpy.linalg.norm(g)), float(g @ numpy.sin(0.7 * numpy.arange(g.size) + 1))]


def training(model, data):
    losses, norms, values = train(model, 4, 8, "none", data, EPOCHS)
    return {"epochs": EPOCHS, "r": 4, "alpha": 8, "bias": "none", "losses": losses, "grad_norms": norms,
            "values": {n: summary(v) for n, v in values.items()}}


def generation(net, model, number):
    """Under longrope one prompt crosses the switch; padded together, a batch would switch as its longest text does."""
    lengths = (5, 17, 1, 9)
    if not longrope(model):
        prompts = [peer.ids(n, 60 + 3 * number + n) for n in lengths]
        batched, gap = greedy(net, prompts, NEW)
        return {"new": NEW, "prompts": prompts, "alone": [greedy(net, [p], NEW)[0][0] for p in prompts], "batched": batched, "smallest_gap": gap}
    prompts = [peer.ids(n, 60 + 3 * number + n) for n in (25, 5, 40)]
    alone = [greedy(net, [p], NEW) for p in prompts]
    return {"new": NEW, "prompts": prompts, "alone": [rows[0] for rows, _ in alone], "batched": [rows[0] for rows, _ in alone],
            "smallest_gap": min(gap for _, gap in alone)}


def nf4(model, number, tensors):
    """float32 products of what bitsandbytes keeps in 4 bits; its own on a CPU are bfloat16's."""
    net = peer.load(model)
    for name, module in net.named_modules():
        if isinstance(module, torch.nn.Linear) and name != "lm_head":
            module.weight.data = functional.dequantize_4bit(*functional.quantize_4bit(module.weight.data, blocksize=64, quant_type="nf4"))
            assert module.weight.dtype == torch.float32
    text = peer.ids(12, 30 + number)
    tensors[f"{number}.nf4"] = net(torch.tensor([text])).logits[0][:, ::COLUMNS].contiguous()
    return {"ids": text, "columns": COLUMNS, "logits": f"{number}.nf4"}


def adapter(family, model, number, tensors):
    net = peer.lora(peer.load(model), 2, 4)
    peer.fill(net)
    net.peft_config["default"].base_model_name_or_path = "tiny"
    folder = FOLDER / f"{family}-{number}"
    shutil.rmtree(folder, ignore_errors=True)
    net.save_pretrained(folder, save_embedding_layers=False)
    (folder / "README.md").unlink(missing_ok=True)
    text = peer.ids(10, 80 + number)
    tensors[f"{number}.adapter"] = net.eval()(torch.tensor([text])).logits[0].float()[:, ::COLUMNS].contiguous()
    return {"folder": f"families/{folder.name}", "ids": text, "columns": COLUMNS, "logits": f"{number}.adapter"}


def case(family, number, name, model, data, tensors):
    net = peer.load(model)
    with torch.no_grad():
        told = {"name": name, "model": model, "fingerprint": peer.fingerprint(model),
                "short": forward(net, f"{number}.short", number, families.SHORT, 3, tensors),
                "long": forward(net, f"{number}.long", number, families.LONG, 34 if longrope(model) else 3, tensors),
                "generation": generation(net, model, number)}
        if in_gguf(family, model):
            told["gguf"] = True
        if "hidden=64" in model:
            told["nf4"] = nf4(model, number, tensors)
    told |= {"gradients": gradients(model, number), "training": training(model, data)}
    with torch.no_grad():
        if number == 0:
            told["adapter"] = adapter(family, model, number, tensors)
    return told


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    data = list(samples())
    for family in sys.argv[2:] or families.MODELS:
        models, tensors = families.MODELS[family], {}
        cases = [case(family, n, name, families.options(family, model), data, tensors) for n, (name, model) in enumerate(models.items())]
        save_file(tensors, FOLDER / f"{family}.safetensors")
        peer.write(f"families/{family}.json", {"cases": cases})


if __name__ == "__main__":
    main()
