# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of an experiment as the article draws and writes them, with pandas, scikit-learn and the peer's tokenizer: independent of the
engine, so that its split and its tokens can be checked against them. All peers work on the file that this writes.
usage: peer_rows.py EXPERIMENT.yaml CSV MODEL_FOLDER TRAIN_PER_LABEL TEST_PER_LABEL OUT.json"""
import json
import sys

import pandas as pd
import yaml
from sklearn.model_selection import train_test_split
from transformers import AutoTokenizer

from bench_order import first_epoch

PROMPT_TOKENS = 512
SENTENCE = "The bench is long, the lamp is lit, and the reader turns a page to see what the next line of the table says. "


def read(csv, data):
    header = 0 if data.get("header", "auto") is not False and isinstance(data["label"], str) else None
    frame = pd.read_csv(csv, header=header, encoding="utf-8" if header == 0 else "latin-1", keep_default_na=False, dtype=str)
    return pd.DataFrame({"label": frame[data["label"]], "text": frame[data["text"]]})


def split(frame, data, train_per_label, test_per_label):
    train, test = [], []
    for label in reversed(data["labels"]):
        a, b = train_test_split(frame[frame.label == label], train_size=train_per_label, test_size=test_per_label,
                                random_state=data["split"]["seed"])
        train.append(a)
        test.append(b)
    return pd.concat(train).sample(frac=1, random_state=data["split"]["shuffle_seed"]), pd.concat(test)


def render(frame, prompt, tokenizer):
    question = prompt["template"].removesuffix("{label}")
    if question == prompt["template"] or question.endswith(" "):
        sys.exit("This script wants a template that ends in {label} with no blank before it.")
    before, after = question.split("{text}")
    rows = []
    for record, label, text in zip(frame.index, frame.label, frame.text):
        row = {"record": int(record), "label": label, "question": before + text + after, "answer": prompt["labels"][label]}
        row["question_ids"] = tokenizer(row["question"]).input_ids
        row["answer_ids"] = tokenizer(row["answer"]).input_ids
        rows.append(row)
    return rows


def prompt_of(tokens, tokenizer):
    """A text of ours that is this many tokens long."""
    ids = tokenizer(SENTENCE * tokens).input_ids[:tokens]
    text = tokenizer.decode(ids)
    if tokenizer(text).input_ids != ids:
        sys.exit("The prompt does not come back from its tokens.")
    return text


def main():
    experiment, csv, model, train_per_label, test_per_label, out = sys.argv[1:]
    with open(experiment, encoding="utf-8") as file:
        settings = yaml.safe_load(file)
    tokenizer = AutoTokenizer.from_pretrained(model)
    train, test = split(read(csv, settings["data"]), settings["data"], int(train_per_label), int(test_per_label))
    train = render(train, settings["prompt"], tokenizer)
    spec = settings["train"]
    result = {
        "labels": settings["data"]["labels"],
        "train": train,
        "order": first_epoch(len(train), spec.get("seed", 0)),
        "test": render(test, settings["prompt"], tokenizer),
        "eos": tokenizer.eos_token_id,
        "lora": settings["lora"],
        # The engine's defaults where the experiment is silent. YAML 1.1 takes 5e-4 for text.
        "training": {"batch_size": spec["batch_size"], "learning_rate": float(spec["learning_rate"]), "schedule": spec["schedule"],
                     "weight_decay": float(spec.get("weight_decay", 0.001)), "max_grad_norm": float(spec.get("max_grad_norm", 0.3)),
                     "warmup_ratio": float(spec.get("warmup_ratio", 0.03)), "max_tokens": spec["max_tokens"], "seed": spec.get("seed", 0)},
        "prompt": prompt_of(PROMPT_TOKENS, tokenizer),
        "prompt_tokens": PROMPT_TOKENS,
    }
    longest = max(len(row["question_ids"]) + len(row["answer_ids"]) + 1 for row in train)
    if longest > spec["max_tokens"]:
        sys.exit(f"A row is {longest} tokens long, over train.max_tokens: the engine would cut it its own way.")
    with open(out, "w", encoding="utf-8") as file:
        json.dump(result, file)


if __name__ == "__main__":
    main()
