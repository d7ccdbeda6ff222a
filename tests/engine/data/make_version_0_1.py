#!/usr/bin/env python3
"""Writes version_0_1/: a runs file as Phibench 0.1 (commit 870c135) leaves it, for tests of what later versions make of it.

make_version_0_1.py BUILD, where BUILD is a build of that commit with phibench-cli and write_tiny_model. In the folder then:
hub/          a tiny model under the hub id phibench/tiny-0.1, to be found through HF_HUB_CACHE
rows.csv      the data (the record's path of it is this machine's)
runs.db       run 1: a baseline; run 2: a training to its end; run 3: the same, stopped, with its checkpoint in runs.db-files
So run 2's metrics are the figures that run 3 must come to when it goes on."""
import json, os, pathlib, shutil, signal, sqlite3, subprocess, sys, tempfile

BUILD = pathlib.Path(sys.argv[1]).resolve()
PLACE = pathlib.Path(__file__).resolve().parent / "version_0_1"
WHO = ["The bakery", "Our ferry line", "The mill", "A small printer", "The orchard", "The brewery", "A toy maker", "The quarry"]
WHAT = {"negative": ["lost money", "cut jobs", "closed a branch"], "neutral": ["moved its office", "counts its stock", "uses the old road"],
        "positive": ["won a large order", "doubled its profit", "hired new staff"]}
EXPERIMENT = """name: tiny
model: {path: phibench/tiny-0.1, precision: fp32, device: cpu}
data:
  csv: rows.csv
  label: label
  text: text
  labels: [negative, neutral, positive]
  split: {train_per_label: 12, test_per_label: 6, eval_per_label: 3}
prompt: {template: "How is this news: {text}\\nAnswer: {label}"}
lora: {r: 2, alpha: 4, dropout: 0.1}
train: {epochs: 4, batch_size: 6, learning_rate: 3e-2, max_tokens: 128}
"""


def main():
    work = pathlib.Path(tempfile.mkdtemp())
    snapshot = work / "hub/models--phibench--tiny-0.1/snapshots/0123456789abcdef0123456789abcdef01234567"
    snapshot.mkdir(parents=True)
    (snapshot.parent.parent / "refs").mkdir()
    (snapshot.parent.parent / "refs/main").write_text(snapshot.name)
    subprocess.run([BUILD / "tests/write_tiny_model", snapshot, "hidden=32", "intermediate=48", "layers=2", "heads=4", "kvHeads=2",
                    "maxPositions=256"], check=True)
    rows = [f'{label},"{who} {what}."\n' for who in WHO for label in WHAT for what in WHAT[label]]
    (work / "rows.csv").write_text("label,text\n" + "".join(rows))
    (work / "tiny.yaml").write_text(EXPERIMENT)
    environment = {**os.environ, "HF_HUB_CACHE": str(work / "hub"), "PHIBENCH_DB": str(work / "runs.db"), "LC_ALL": "C.UTF-8"}
    cli = BUILD / "bin/phibench-cli"
    for verb in ("evaluate", "train"):
        subprocess.run([cli, verb, work / "tiny.yaml", "--json"], env=environment, check=True, stdout=subprocess.DEVNULL)
    subprocess.run([cli, "runs", "tag", "2", "kept"], env=environment, check=True)
    before = work / "before.db"
    shutil.copy(work / "runs.db", before)
    for attempt in range(100):
        process = subprocess.Popen([cli, "train", work / "tiny.yaml", "--json"], env=environment, stdout=subprocess.PIPE, text=True)
        process.stdout.readline()  # the first step
        process.send_signal(signal.SIGINT)
        process.communicate()
        with sqlite3.connect(work / "runs.db") as store:
            state, step, steps = store.execute("SELECT state, step, steps FROM runs WHERE id = 3").fetchone()
        if process.returncode == 130 and state == "stopped" and 6 <= step <= steps // 2:
            break
        shutil.copy(before, work / "runs.db")
        shutil.rmtree(work / "runs.db-files/run-3")
    else:
        sys.exit("The training was never stopped on its way.")
    with sqlite3.connect(work / "runs.db") as store:
        store.execute("UPDATE runs SET host = 'elsewhere'")
    shutil.rmtree(PLACE, ignore_errors=True)
    PLACE.mkdir()
    for name in ("hub", "runs.db-files"):
        shutil.copytree(work / name, PLACE / name)
    for name in ("runs.db", "rows.csv"):
        shutil.copy(work / name, PLACE / name)
    shutil.rmtree(work)
    print(f"stopped after step {step} of {steps}")


main()
