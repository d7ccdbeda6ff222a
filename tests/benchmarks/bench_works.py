# SPDX-License-Identifier: GPL-3.0-or-later
"""What is measured, in the order of the table: a further row is a further entry here."""
from bench_learning import evaluation, same_predictions, training
from bench_phi2 import phi2_generation, phi2_training
from bench_running import csv_import, first_token, generation, runs_page


def works(full):
    """(name, () → Work) in the order of the table. `full` adds what takes long whatever its size."""
    quick = [
        ("train-answer", lambda bench: training(bench, "answer", 6)),
        ("train-all", lambda bench: training(bench, "all", 3)),
        ("evaluate", evaluation),
        ("same-predictions", same_predictions),
        ("first-token", first_token),
        ("generate", generation),
        ("csv-import", csv_import),
    ]
    long = [
        ("phi2-train", phi2_training),
        ("phi2-generate", phi2_generation),
        ("runs-page", runs_page),
    ]
    return quick + (long if full else [])
