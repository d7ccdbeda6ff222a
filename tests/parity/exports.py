# SPDX-License-Identifier: GPL-3.0-or-later
"""Trains tiny models with phibench-cli, exports the runs and opens what was written: with MLflow (both ways), TensorBoard,
transformers and llama.cpp; and compares the blocks of quantised tensors with the gguf package's.

    python tests/parity/exports.py [--cli build/bin/phibench-cli]
"""
import argparse
import csv
import json
import os
import pathlib
import subprocess
import sys
import tempfile

import gguf
import numpy
import torch
import transformers
from safetensors.torch import load_file

import peer

ROOT = pathlib.Path(__file__).resolve().parents[2]
TYPES = ["f16", "bf16", "q8_0", "q4_0", "q4_1"]
# Name, options of write_tiny_model, whether transformers reads such a GGUF (it knows neither phi2 nor smollm3, and no scaled rotary).
FAMILIES = [
    ("llama", "family=llama hidden=64 intermediate=96 heads=4 kvHeads=2 tied=yes", True),
    ("llama3", "family=llama hidden=64 intermediate=64 heads=4 kvHeads=2 headDim=32 scaling=llama3 scalingFactor=8 original=16 maxPositions=128 tied=no seed=201", False),
    ("mistral", "family=mistral hidden=64 intermediate=64 heads=4 kvHeads=4 tied=no seed=133", True),
    ("qwen2", "family=qwen2 hidden=64 intermediate=64 heads=4 kvHeads=2 seed=181", True),
    ("qwen3", "family=qwen3 hidden=64 intermediate=64 heads=4 kvHeads=2 headDim=128 seed=151", True),
    ("gemma3", "family=gemma3_text hidden=64 intermediate=64 heads=2 kvHeads=1 headDim=256 layers=7 window=8 globalEvery=6 ropeTheta=1000000 localTheta=10000 seed=221", True),
    ("smollm3", "family=smollm3 hidden=64 intermediate=64 heads=4 kvHeads=2 layers=4 seed=311", False),
    ("phi3", "family=phi3 hidden=64 intermediate=64 heads=4 kvHeads=2 partialRotary=1 seed=243", True),
    ("phi", "family=phi hidden=64 intermediate=128 heads=2 partialRotary=0.5", False),
    ("narrow", "family=qwen2 hidden=48 intermediate=64 heads=4 kvHeads=2 seed=5", False),
]
TURNED = ("llama", "llama3", "mistral", "smollm3")  # rows of q and k lie otherwise in GGUF
IDS = [5, 90, 17, 200, 31, 31, 4, 120, 66, 7, 250, 101]
EXPERIMENT = """name: "exports: a \\"trial\\" | of three"
model: {{path: "{model}", precision: {precision}}}
data: {{csv: moods.csv, label: label, text: text, split: {{train_per_label: 12, test_per_label: 10, eval_per_label: 4}}}}
prompt: {{template: "{{text}}\\nAnswer: {{label}}"}}
lora: {{r: 4, alpha: 8, dropout: 0}}
train: {{epochs: 3, batch_size: 6, learning_rate: 5e-3, max_tokens: 96, eval_every: 4}}
"""
failed = []


def say(ok, what):
    print(f"exports, {what}{'' if ok else '  DISAGREES'}", flush=True)
    if not ok:
        failed.append(what)


class Ours:
    def __init__(self, cli, folder):
        self.cli, self.folder = cli, folder

    def __call__(self, *arguments, code=0):
        run = subprocess.run([self.cli, "--json", "--db", self.folder / "runs.db", *map(str, arguments)], capture_output=True, encoding="utf-8", cwd=self.folder)
        if run.returncode != code:
            sys.exit(f"{self.cli} {' '.join(map(str, arguments))}: exit {run.returncode}\n{run.stdout}{run.stderr}")
        events = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
        return events[-1] if events else {}

    def train(self, model, precision):
        (self.folder / "experiment.yaml").write_text(EXPERIMENT.format(model=model, precision=precision))
        return self("train", "experiment.yaml")["run"]

    def export(self, run, form, name, *more):
        out = self.folder / name
        return out, self("export", run, "--format", form, "--out", out, *more)

    def logits(self, model, *more):
        file = self.folder / "logits.safetensors"
        file.unlink(missing_ok=True)
        self("logits", "--model", model, "--precision", "fp32", "--ids", ",".join(map(str, IDS)), "--out", file, *more)
        return load_file(file)["logits"].double().numpy()


def relative(found, expected):
    return float(numpy.abs(found - expected).max() / numpy.sqrt(numpy.square(expected).mean()))


def data(folder):
    words = {"bad": ["gloomy", "lost", "broke", "fell"], "good": ["sunny", "won", "grew", "rose"], "so-so": ["plain", "usual", "as before", "even"]}
    rows = [(label, f"{ten} people said it was {word} on day {n}") for label, all in words.items() for n, word in enumerate(all * 12) for ten in [n + 3]]
    with open(folder / "moods.csv", "w", newline="") as file:
        csv.writer(file).writerows([("label", "text"), *rows])


def mlflow_store(ours, run, shown):
    store, told = ours.export(run, "mlflow", "store")
    database = f"sqlite:///{ours.folder}/mlflow.db"
    subprocess.run([pathlib.Path(sys.executable).parent / "mlflow", "migrate-filestore", "--source", store, "--target", database], check=True, capture_output=True)
    read = """if True:
        import json, sys, mlflow
        client = mlflow.MlflowClient(tracking_uri=sys.argv[1])
        experiment = client.get_experiment_by_name("Phibench")
        [run] = client.search_runs([experiment.experiment_id])
        history = {name: [(m.step, m.value, m.timestamp) for m in client.get_metric_history(run.info.run_id, name)] for name in run.data.metrics}
        print(json.dumps({"id": run.info.run_id, "name": run.info.run_name, "status": run.info.status, "params": run.data.params, "history": history}))"""
    tables, _ = ours.export(run, "csv", "tables")
    steps = {}
    for row in csv.DictReader(open(tables / "metrics.csv")):
        steps.setdefault(row["name"], []).append((int(row["step"]), float(row["value"]), int(float(row["wall"]) * 1000)))
    for way, uri in [("MLFLOW_ALLOW_FILE_STORE=true", store.as_uri()), ("migrate-filestore", database)]:
        done = subprocess.run([sys.executable, "-c", read, uri], env={**os.environ, "MLFLOW_ALLOW_FILE_STORE": "true"}, check=True, capture_output=True, encoding="utf-8")
        found = json.loads(done.stdout.splitlines()[-1])
        same = sum(found["params"].get(key) == value for key, value in shown["params"].items())
        points = sum(sorted(map(tuple, found["history"].get(name, []))) == sorted(all) for name, all in steps.items())
        ok = same == len(shown["params"]) and points == len(steps) and found["status"] == "FINISHED" and found["name"] == shown["name"] and found["id"] == told["run_id"]
        ok = ok and found["history"]["accuracy"][0][1] == shown["accuracy"]
        say(ok, f"MLflow by {way}: {same} of {len(shown['params'])} settings and {points} of {len(steps)} curves read back")
    return steps


def tensorboard_log(ours, run, steps):
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    log, _ = ours.export(run, "tensorboard", "log")
    events = EventAccumulator(str(log), size_guidance={"scalars": 0})
    events.Reload()
    tags = events.Tags()
    points = sum(sorted((s.step, s.value, int(s.wall_time * 1000)) for s in events.Scalars(name)) == sorted((step, float(numpy.float32(value)), wall) for step, value, wall in all)
                 for name, all in steps.items() if name in tags["scalars"])
    text = [t for t in tags["tensors"] if t.startswith("settings")]
    ok = points == len(steps) and "accuracy" in tags["scalars"] and text and b"| lora.r | 4 |" in events.Tensors(text[0])[0].tensor_proto.string_val[0]
    say(ok, f"TensorBoard: {points} of {len(steps)} curves read back")


def blocks(file, merged, turned):
    """The file's quantised tensors, against those that the gguf package makes of the merged weights; without q and k where their rows are `turned`."""
    weights = load_file(merged / "model.safetensors")
    same = count = 0
    for tensor in gguf.GGUFReader(file).tensors:
        if tensor.tensor_type.name not in ("Q8_0", "Q4_0", "Q4_1") or (turned and ("attn_q" in tensor.name or "attn_k" in tensor.name)):
            continue
        count += 1
        values = [w.float().numpy() for w in weights.values() if w.numel() == tensor.n_elements and w.shape[-1] % 32 == 0]
        same += any(numpy.array_equal(gguf.quants.quantize(v, tensor.tensor_type).reshape(tensor.data.shape), tensor.data) for v in values)
    return same, count


def model_files(ours, run, name, reads, model, adapter, texts, turned):
    import llama_cpp

    merged, _ = ours.export(run, "safetensors", f"{name}-merged")
    expected = ours.logits(model, "--adapter", adapter)
    net = transformers.AutoModelForCausalLM.from_pretrained(merged, dtype=torch.float32)
    with torch.no_grad():
        found = net(torch.tensor([IDS])).logits[0].double().numpy()
    error = relative(found, expected)
    say(error <= 2e-5, f"{name}, safetensors in transformers: relative error of logits {error:.2g}, at most 2e-05")
    for kind in TYPES:
        file, told = ours.export(run, "gguf", f"{name}-{kind}.gguf", "--type", kind)
        here = ours.logits(file)
        moved = relative(here, expected)
        llm = llama_cpp.Llama(model_path=str(file), logits_all=True, n_ctx=256, n_threads=2, verbose=False)
        llm.eval(IDS)
        # llama.cpp rounds what a matrix is multiplied with to the matrix's kind: bfloat16, or 8 bits a block for blocks. What the file holds is
        # compared by F16, by transformers and by the tensors' bits.
        error, most = relative(numpy.array(llm.scores[:len(IDS)], dtype=numpy.float64), here), 1e-2 if kind == "f16" else 0.25
        same = sum(llm.tokenize(text.encode(), add_bos=False, special=True) == ours_tokens(ours, file, text) for text in texts)
        say(error <= most and same == len(texts), f"{name}, {kind} in llama.cpp: relative error of logits {error:.2g}, at most {most}; {same} of {len(texts)} texts the same tokens; moved by {moved:.2g}")
        if kind not in ("f16", "bf16"):
            same, count = blocks(file, merged, turned)
            say(same == count > 0, f"{name}, {kind}: {same} of {count} tensors are the gguf package's, bit for bit")
        if reads:
            net = transformers.AutoModelForCausalLM.from_pretrained(ours.folder, gguf_file=file.name, dtype=torch.float32, pad_token_id=None)
            with torch.no_grad():
                error = relative(net(torch.tensor([IDS])).logits[0].double().numpy(), here)
            say(error <= 2e-5, f"{name}, {kind} in transformers: relative error of logits {error:.2g}, at most 2e-05")


def ours_tokens(ours, model, text):
    run = subprocess.run([ours.cli, "--json", "tokenize", "--model", model], input=json.dumps(text), capture_output=True, encoding="utf-8", check=True)
    return json.loads(run.stdout)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--cli", default=str(ROOT / "build/bin/phibench-cli"))
    options = parser.parse_args()
    texts = ["profits rose by 12.5 % in 2023", "It's naïve: €5!", "  two blanks,\n\na line\tand a tab", "<|endoftext|>end"]
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, tiny, reads) in enumerate(FAMILIES):
            ours = Ours(options.cli, pathlib.Path(folder) / name)
            ours.folder.mkdir()
            data(ours.folder)
            model = peer.folder(tiny)
            run = ours.train(model, "fp32")
            shown = ours("runs", "show", run)
            adapter, _ = ours.export(run, "peft", "adapter")
            if number == 0:
                tensorboard_log(ours, run, mlflow_store(ours, run, shown))
            model_files(ours, run, name, reads, model, adapter, texts, name in TURNED)
    sys.exit(1 if failed else 0)


main()
