# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes split_golden.json: the article's split by scikit-learn and pandas, for tables whose labels follow a formula.

The label of row i is drawn by (i * 2654435761 + offset) mod 2^32, its upper half modulo the weights' sum: label 0 takes the
first weights[0] remainders, and so on. With a path to all-data.csv, prints the sums that tst_split.cpp holds instead; with a path to a
.json, writes there, and 100 further cases of seeds and sizes drawn afresh.
"""
import hashlib
import itertools
import json
import pathlib
import random
import sys

import numpy
import pandas
import sklearn
from sklearn.model_selection import train_test_split


def split(table, labels, train, test, evaluate, seed, shuffle_seed):
    trains, tests = [], []
    for label in reversed(labels):
        # scikit-learn refuses sizes of 0, for which the permutation is the same.
        rows = table[table.label == label]
        if train and test and train < len(rows) and test < len(rows):
            a, b = train_test_split(rows, train_size=train, test_size=test, random_state=seed)
        else:
            order = numpy.random.RandomState(seed).permutation(len(rows))
            a, b = rows.iloc[order[test : test + train]], rows.iloc[order[:test]]
        trains.append(a)
        tests.append(b)
    train_rows, test_rows = pandas.concat(trains).sample(frac=1, random_state=shuffle_seed), pandas.concat(tests)
    taken = set(train_rows.index) | set(test_rows.index)
    left = table[~table.index.isin(taken)]
    result = {"train": train_rows.index.tolist(), "eval": [], "test": test_rows.index.tolist()}
    if evaluate:
        groups = left.groupby("label", group_keys=False)[["row", "label"]]
        chosen = [x.sample(n=evaluate, random_state=shuffle_seed, replace=True) for _, x in groups]
        applied = groups.apply(lambda x: x.sample(n=evaluate, random_state=shuffle_seed, replace=True))
        result["eval"] = pandas.concat(chosen).index.tolist()
        assert result["eval"] == applied.index.tolist()
    return result


def formula(labels, weights, rows, offset):
    bounds = list(itertools.accumulate(weights))
    names = []
    for i in range(rows):
        place = (((i * 2654435761 + offset) % 2**32) >> 16) % bounds[-1]
        names.append(labels[next(n for n, bound in enumerate(bounds) if place < bound)])
    return pandas.DataFrame({"row": range(rows), "label": names})


def digest(rows):
    return hashlib.sha256(",".join(map(str, rows)).encode()).hexdigest()


fresh = len(sys.argv) > 1 and sys.argv[1].endswith(".json")
if len(sys.argv) > 1 and not fresh:
    table = pandas.read_csv(sys.argv[1], names=["label", "text"], encoding="latin-1")
    table["row"] = table.index
    result = split(table, ["negative", "neutral", "positive"], 300, 300, 50, 42, 10)
    sys.exit("\n".join(f"{name} {len(rows)} {rows[:4]} {digest(rows)}" for name, rows in result.items()))

three = ["negative", "neutral", "positive"]
layouts = [
    (three, [1, 1, 1], 100), (three, [1, 5, 2], 200), (["no", "yes"], [1, 1], 40), (["yes", "no"], [3, 1], 90),
    (["b", "Z", "a", "é"], [1, 2, 1, 1], 120), (["one"], [1], 33), (three, [1, 5, 2], 5000),
]
sizes = [(10, 5, 3), (5, 10, 0), (1, 1, 1), (4, 0, 20)]
seeds = [(42, 10), (0, 0), (1, 4294967295), (4294967295, 1)]
cases = []
for number, (layout, size) in enumerate(itertools.product(layouts, sizes)):
    for seed, shuffle_seed in (seeds[number % 4], (number * 7919, number * 104729)):
        labels, weights, rows = layout
        case = dict(labels=labels, weights=weights, rows=rows, offset=number * 12345, train=size[0], test=size[1], eval=size[2], seed=seed,
                    shuffle_seed=shuffle_seed)
        case["splits"] = split(formula(labels, weights, rows, case["offset"]), labels, *size, seed, shuffle_seed)
        cases.append(case)
for seed, train, test in ((42, 300, 300), (7, 500, 20), (123456789, 17, 560)):
    case = dict(labels=three, weights=[1, 5, 2], rows=5000, offset=seed, train=train, test=test, eval=50, seed=seed, shuffle_seed=10)
    result = split(formula(three, [1, 5, 2], 5000, seed), three, train, test, 50, seed, 10)
    case["sha256"] = {name: digest(rows) for name, rows in result.items()}
    cases.append(case)
# Every row of the smallest label is used up.
table = formula(three, [1, 1, 1], 60, 5)
smallest = int(table.label.value_counts().min())
case = dict(labels=three, weights=[1, 1, 1], rows=60, offset=5, train=smallest - 4, test=4, eval=0, seed=3, shuffle_seed=4)
case["splits"] = split(table, three, smallest - 4, 4, 0, 3, 4)
cases.append(case)

if fresh:
    seed = random.randrange(2**32)
    print(f"splits: cases drawn with seed {seed}")
    draw = random.Random(seed)
    wanted = len(cases) + 100
    while len(cases) < wanted:
        labels = [f"label {n}" for n in range(draw.randint(1, 6))]
        case = dict(labels=labels, weights=[draw.randint(1, 9) for _ in labels], rows=draw.randint(1, 4000), offset=draw.randrange(2**32))
        table = formula(**case)
        rest = int(table.label.value_counts().reindex(labels, fill_value=0).min())
        if rest < 3:
            continue
        train = draw.randint(1, rest - 2)
        test = draw.randint(1, rest - 1 - train)
        case |= dict(train=train, test=test, eval=draw.randint(0, 60), seed=draw.randrange(2**32), shuffle_seed=draw.randrange(2**32))
        result = split(table, labels, train, test, case["eval"], case["seed"], case["shuffle_seed"])
        cases.append(case | {"sha256": {name: digest(rows) for name, rows in result.items()}})

versions = {"python": sys.version.split()[0], "numpy": numpy.__version__, "pandas": pandas.__version__, "scikit-learn": sklearn.__version__}
lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
path = pathlib.Path(sys.argv[1]) if fresh else pathlib.Path(__file__).with_name("split_golden.json")
path.write_text(
    f'{{"versions":{json.dumps(versions)},"cases":[\n{lines}\n]}}\n', encoding="utf-8")
