# SPDX-License-Identifier: GPL-3.0-or-later
"""How fast llama.cpp reads a prompt and goes on from it, once warm. usage: peer_llama_cpp.py ROWS.json GGUF NEW_TOKENS"""
import json
import os
import sys
import time

from llama_cpp import Llama


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        rows = json.load(file)
    count, threads = int(sys.argv[3]), len(os.sched_getaffinity(0))
    model = Llama(sys.argv[2], n_ctx=2 * rows["prompt_tokens"], n_batch=rows["prompt_tokens"], n_threads=threads, n_threads_batch=threads,
                  verbose=False)
    prompt = model.tokenize(rows["prompt"].encode(), add_bos=False)
    for _ in range(2):
        model.reset()
        begin = time.perf_counter()
        model.eval(prompt)
        prefill = len(prompt) / (time.perf_counter() - begin)
        ids = [model.sample(temp=0)]
        begin = time.perf_counter()
        while len(ids) < count:
            model.eval(ids[-1:])
            ids.append(model.sample(temp=0))
        decode = (count - 1) / (time.perf_counter() - begin)
    print(json.dumps({"event": "result", "prompt_tokens": len(prompt), "ids": ids, "threads": threads, "prefill": prefill, "decode": decode}))


main()
