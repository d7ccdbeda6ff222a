# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads a CSV with pandas; the seconds are those of read_csv alone. usage: peer_read_csv.py FILE"""
import json
import sys
import time

import pandas as pd

begin = time.perf_counter()
frame = pd.read_csv(sys.argv[1])
seconds = time.perf_counter() - begin
counts = frame["label"].value_counts()
print(json.dumps({"event": "result", "seconds": seconds, "records": len(frame), "columns": list(frame.columns),
                  "label_counts": {label: int(count) for label, count in counts.items()}}))
