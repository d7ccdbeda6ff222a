# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes report_golden.json: scikit-learn's figures and text for predictions drawn from seeds."""
import json
import pathlib
import re
import sys
import warnings

import numpy
import sklearn
from sklearn.metrics import accuracy_score, classification_report, confusion_matrix, precision_recall_fscore_support

warnings.filterwarnings("ignore")


def case(name, labels, truth, guess):
    numbers = list(range(len(labels)))
    none = len(labels)
    seen = [none if g is None else g for g in guess]
    text = classification_report(truth, seen, labels=numbers, target_names=labels, zero_division=0)
    accuracy = accuracy_score(truth, seen)
    width = max(len("weighted avg"), *(len(label) for label in labels))
    line = "{:>{width}s} ".format("accuracy", width=width) + " {:>9} {:>9} {:>9.2f} {:>9}".format("", "", accuracy, len(truth))
    text = "\n".join(line if " micro avg " in row else row for row in text.split("\n"))
    if not any(t == g for t, g in zip(truth, seen)):  # then scikit-learn's supports become floats by accident, and print as such
        text = re.sub(r"(\d+)\.0$", r"  \1", text, flags=re.MULTILINE)
    p, r, f, s = precision_recall_fscore_support(truth, seen, labels=numbers, zero_division=0)
    matrix = confusion_matrix(truth, seen, labels=numbers + [none])[: len(labels)]
    return {"name": name, "labels": labels, "truth": list(map(int, truth)), "guess": [None if g is None else int(g) for g in guess],
            "text": text, "accuracy": accuracy, "macro_f1": float(numpy.mean(f)), "precision": p.tolist(), "recall": r.tolist(),
            "f1": f.tolist(), "support": s.tolist(), "counts": matrix.tolist()}


def drawn(seed, labels, rows, right, silent=0.0, guessable=None):
    random = numpy.random.RandomState(seed)
    truth = random.randint(len(labels), size=rows)
    other = random.choice(guessable if guessable is not None else len(labels), size=rows)
    guess = numpy.where(random.rand(rows) < right, truth, other)
    return truth, [None if random.rand() < silent else g for g in guess]


three = ["negative", "neutral", "positive"]
cases = [
    case("all right", three, *drawn(1, three, 60, 1.0)),
    case("mostly right", three, *drawn(2, three, 240, 0.8)),
    case("one label never guessed", three, *drawn(3, three, 90, 0.0, guessable=[0, 1])),
    case("some answers name no label", three, *drawn(4, three, 120, 0.5, silent=0.3)),
    case("no answer at all", three, [0, 1, 2, 1], [None] * 4),
    case("a label without rows", three, [0, 0, 2, 2, 2], [0, 1, 2, 2, 0]),
    case("a label without rows or guesses", three, [0, 0, 2, 2, 2], [0, 2, 2, 2, 0]),
    case("one row", ["no", "yes"], [1], [1]),
    case("two labels", ["no", "yes"], *drawn(5, ["no", "yes"], 37, 0.4)),
    case("long names", ["a name longer than weighted avg", "short"], *drawn(6, ["a", "b"], 1034, 0.6)),
    case("other scripts", ["négatif", "très très très positif", "中立的な意見だと思われるもの"], *drawn(7, three, 50, 0.7, silent=0.1)),
    case("twelve labels", [f"class {n}" for n in range(12)], *drawn(8, list(range(12)), 400, 0.5, silent=0.05)),
    case("many rows", three, *drawn(9, three, 700, 0.9)),
]
versions = {"python": sys.version.split()[0], "numpy": numpy.__version__, "scikit-learn": sklearn.__version__}
path = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).with_name("report_golden.json")
path.write_text(json.dumps({"versions": versions, "cases": cases}, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
