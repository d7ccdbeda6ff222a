# SPDX-License-Identifier: GPL-3.0-or-later
"""How the measured programs are called: phibench-cli, and the peers' scripts in their virtual environment."""
import dataclasses
import hashlib
import json
import os
import pathlib
import sys
import tempfile

import bench_process
from bench_work import Check

HERE = pathlib.Path(__file__).resolve().parent


@dataclasses.dataclass
class Bench:
    cli: pathlib.Path
    gguf: pathlib.Path          # the default model
    folder: pathlib.Path        # the same, as the peers read it
    experiment: pathlib.Path
    csv: pathlib.Path
    scratch: pathlib.Path       # removed at the end; holds the CSV to import too
    train_per_label: int
    test_per_label: int
    import_bytes: int
    new_tokens: int
    patience: float             # times the usual limits
    model: str = "default"      # as phibench-cli is to call it
    phi2: pathlib.Path | None = None  # a full-size Phi-2
    rows: dict = dataclasses.field(default_factory=dict)
    adapter: str = ""           # the last one that we trained with loss on the answer

    @property
    def rows_file(self):
        return self.scratch / "rows.json"

    def ours(self, *arguments, seconds=300, stdin=None):
        command = [self.cli, "--db", self.scratch / "runs.db", *arguments]
        environment = {**os.environ, "HF_HOME": str(self.scratch / "hf-ours")}  # where a model in NF4 is kept too
        return bench_process.run(command, seconds * self.patience, environment, stdin)

    def peer(self, script, *arguments, seconds=300):
        environment = {**os.environ, "HF_HOME": str(self.scratch / "hf"), "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1",
                       "TOKENIZERS_PARALLELISM": "false", "PYTHONWARNINGS": "ignore"}
        return bench_process.run([sys.executable, HERE / script, *arguments], seconds * self.patience, environment)

    def settings(self, **changes):
        """Arguments that make the experiment the one that the peers' rows come from."""
        values = {"data.csv": self.csv, "data.split.train_per_label": self.train_per_label, "data.split.test_per_label": self.test_per_label,
                  "data.split.eval_per_label": 0, "train.epochs": 1, "train.checkpoint_every": 0}
        values.update({key.replace("__", "."): value for key, value in changes.items()})
        return [self.experiment, *(part for key, value in values.items() for part in ("--set", f"{key}={value}"))]

    def draw_rows(self):
        self.peer("peer_rows.py", self.experiment, self.csv, self.folder, self.train_per_label, self.test_per_label, self.rows_file)
        with open(self.rows_file, encoding="utf-8") as file:
            self.rows = json.load(file)

    def same_rows(self):
        """Split and tokens, the engine's against scikit-learn's, pandas' and the tokenizers library's."""
        split = json.loads(self.ours("--json", "split", *self.settings()).lines[-1][1])
        parts = {part: [row["record"] for row in self.rows[part]] for part in ("train", "test")}
        same = all(split[part] == records for part, records in parts.items())
        checks = [Check(same, f"the split: {len(parts['train'])} training and {len(parts['test'])} test rows, "
                              f"{'' if same else 'not '}the same records in the same order")]
        texts = [(row[kind], row[kind + "_ids"]) for part in parts for row in self.rows[part] for kind in ("question", "answer")]
        with tempfile.TemporaryFile() as stdin:
            stdin.write("".join(json.dumps(text) + "\n" for text, _ in texts).encode())
            stdin.seek(0)
            lines = self.ours("--json", "tokenize", "--model", self.model, stdin=stdin).lines
        ids = [json.loads(line) for _, line in lines]
        wrong = sum(a != b for (_, a), b in zip(texts, ids, strict=True))
        checks.append(Check(wrong == 0, f"the tokens of {len(texts)} questions and answers: {'identical' if wrong == 0 else f'{wrong} differ'}"))
        return checks

    def training_tokens(self, loss_on):
        """(count, sha256) of what a peer must have trained on."""
        end = [self.rows["eos"]] if loss_on == "all" else []
        train = [self.rows["train"][number] for number in self.rows["order"]]
        tokens = [row["question_ids"] + row["answer_ids"] + end for row in train]
        return sum(map(len, tokens)), hashlib.sha256(json.dumps(tokens).encode()).hexdigest()
