# SPDX-License-Identifier: GPL-3.0-or-later
"""Compare Phibench's tokens with transformers' over seeded texts of many kinds, and what ids decode to.

    python tests/parity/tokenizer_parity.py [--full] [--model FILE.gguf] [--tokenize "build/bin/phibench-cli tokenize --json --model {model}"]

The texts: sentences of the data ($PHIBENCH_DATA names a CSV, else the default data), this project's source, emoji, Arabic, Chinese, combining marks, runs of spaces and
tabs, random bytes, mixtures of all that, and one text of 1 MB without a space. The tokenizers: SmolLM2's and Phi-2's (GPT-2's vocabulary, from tests/support/phi2_tokenizer.py),
and those of tokenizers_of_families.py.
Needs transformers, gguf and torch (transformers reads no GGUF without it); tried with transformers 5.24.0, tokenizers 0.23.3.
transformers' reading of a GGUF loses SmolLM2's digit splitting, so the reference for the GGUF is its tokenizer with
Sequence[Digits(individual_digits), ByteLevel] put back; how often the unmended one agrees is reported as well.
"""
import argparse
import json
import os
import pathlib
import random
import shlex
import subprocess
import sys
import tempfile
import unicodedata

import tokenizers_of_families

ROOT = pathlib.Path(__file__).resolve().parents[2]
WORDS = """the of and to in a is that for it was on are as with his they at be this from have or by one had not but what all were
when we there can an your which their said if do will each about how up out them then she many some so these would other into has more
her two like him see time could no make than first been its who now people my made over did down only way find use may water long
little very after words called just where most know we're it's don't they'll I've you'd can't McDonald's naïve café Zürich Łódź
profit loss quarter revenue shareholders margin guidance EBITDA Q3 2nd 10-K non-GAAP e.g. i.e. U.S. tokenizer GPU README.md""".split()
SPECIAL = ["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>", "<file_sep>", "<|im_start", "|im_end|>", "<|IM_END|>"]
CODE = ["for (int i = 0; i < n; ++i) {\n\tsum += x[i];\n}\n", "def f(x):\n    return x ** 2\n\n\n", "a != b && c->d == *e;", "#include <map>\r\n",
        "SELECT * FROM t WHERE id = 42;\n", "{\"k\": [1, 2.5e-10, null]}", "https://example.org/a?b=c&d=%20#e", "\\begin{align} x^2 \\end{align}"]
RANGES = [(0x20, 0x7E), (0xA0, 0x24F), (0x300, 0x36F), (0x370, 0x3FF), (0x400, 0x4FF), (0x590, 0x6FF), (0x900, 0x97F), (0xE00, 0xE7F),
          (0x1100, 0x11FF), (0x2000, 0x206F), (0x2070, 0x218F), (0x2460, 0x24FF), (0x2500, 0x27BF), (0x3000, 0x30FF), (0x4E00, 0x9FFF),
          (0xAC00, 0xD7A3), (0xFB00, 0xFDFF), (0xFF00, 0xFFEF), (0x10300, 0x1034F), (0x1D400, 0x1D7FF), (0x1F300, 0x1FAFF), (0x20000, 0x2A6DF)]
BLANKS = [" ", "  ", "   ", "\t", "\n", "\r\n", "\n\n", " \n ", "\t\t ", "\u00a0", "\u3000", "\u2009", "\x0b", "\x0c", "\x85", "\u2028", " " * 17]
EMOJI = ["🙂", "👩‍👩‍👧‍👦", "🇫🇮", "👍🏽", "❤️", "✈︎", "e\u0301", "n\u0303\u0323", "ﷺ", "ſ", "'ſ", "İ", "ß", "Ǆ", "½¾", "①②", "٣٤", "Ⅷ", "㊿"]


def piece(rng, digits):
    kind = rng.randrange(12)
    if kind < 4:
        return rng.choice(WORDS)
    if kind == 4:
        return rng.choice(SPECIAL) if rng.random() < 0.3 else rng.choice(["'s", "'S", "'ll", "'re", "'", "''t", "-", "—", "...", "?!", "$", "%", "(", ")"])
    if kind == 5:
        return rng.choice(BLANKS)
    if kind == 6:
        first, last = rng.choice(RANGES)
        return "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, 8)))
    if kind == 7:
        return rng.choice(EMOJI)
    if kind == 8:
        return rng.choice(CODE)
    if kind == 9 and digits:
        return rng.choice([str(rng.randrange(10 ** rng.randint(1, 12))), f"{rng.uniform(-1e4, 1e4):,.2f}", f"{rng.randint(1900, 2100)}-0{rng.randint(1, 9)}"])
    if kind == 10:
        return "".join(rng.choice("abcdefghijklmnopqrstuvwxyzABCXYZ") for _ in range(rng.randint(1, 30)))
    return rng.choice(WORDS).capitalize()


def run_of(rng, ranges, most=40):
    first, last = rng.choice(ranges)
    return "".join(chr(rng.randint(first, last)) for _ in range(rng.randint(1, most)))


def kinds(rng):
    """What each kind of text is drawn by."""
    csv = pathlib.Path(os.environ.get("PHIBENCH_DATA", ROOT / ".deps/data/opinion-sentiment.csv"))
    data = csv.read_bytes().decode("utf-8", "replace").splitlines() if csv.exists() else WORDS
    files = [p for folder in ("engine", "ui", "tests") for end in ("cpp", "h", "py") for p in sorted((ROOT / folder).rglob(f"*.{end}"))]
    code = [line for p in files for line in p.read_text(encoding="utf-8").splitlines()] or CODE
    arabic, chinese = [(0x600, 0x6FF), (0x750, 0x77F), (0xFB50, 0xFDFF)], [(0x4E00, 0x9FFF), (0x3000, 0x303F), (0x20000, 0x2A6DF)]
    return {
        "data": lambda: rng.choice(data),
        "source code": lambda: "\n".join(code[(start := rng.randrange(len(code))):start + rng.randint(1, 5)]),
        "emoji": lambda: "".join(rng.choice(EMOJI + [" ", "x"]) for _ in range(rng.randint(1, 20))),
        "Arabic": lambda: " ".join(run_of(rng, arabic, 12) for _ in range(rng.randint(1, 12))),
        "Chinese": lambda: run_of(rng, chinese, 60),
        "combining marks": lambda: "".join(rng.choice("aeinouAZ ") + run_of(rng, [(0x300, 0x36F), (0x1AB0, 0x1ACE), (0x20D0, 0x20F0)], 4) for _ in range(20)),
        "blanks": lambda: "".join(rng.choice([" ", "\t"]) * rng.randint(1, 70) + rng.choice(["", "a", "1", "\n", "."]) for _ in range(rng.randint(1, 8))),
        "random bytes": lambda: rng.randbytes(rng.randint(1, 200)).decode(rng.choice(["utf-8", "latin-1", "utf-16-le"]), "replace"),
        "mixtures": lambda: mixture(rng),
    }


def mixture(rng):
    digits = rng.random() < 0.5
    text = "".join(piece(rng, digits) + rng.choice(["", " ", " ", " ", rng.choice(BLANKS)]) for _ in range(rng.randint(1, 40)))
    return text if digits else "".join(c for c in text if not unicodedata.category(c).startswith("N"))


def texts(count, seed=20240607):
    rng = random.Random(seed)
    made = ["", " ", "\n", "  leading", "trailing  ", "a" * 3000, " " * 500 + "x", "1" * 100]
    made.append("".join(rng.choice("abcdefghijklmnopqrstuvwxyzäß漢字0123456789.,-_") for _ in range(2**20)))
    draw = list(kinds(rng).values())
    draw += draw[-1:] * len(draw)
    while len(made) < count:
        made.append(draw[len(made) % len(draw)]())
    return made


def ours(command, model, lines):
    run = subprocess.run(shlex.split(command.format(model=shlex.quote(str(model)))), input="".join(json.dumps(t) + "\n" for t in lines),
                         capture_output=True, encoding="utf-8")
    if run.returncode:
        sys.exit(f"{command}: exit {run.returncode}\n{run.stderr}")
    return [json.loads(line) for line in run.stdout.removesuffix("\n").split("\n")]


def compare(name, mine, theirs, lines, failures):
    wrong = [i for i in range(len(lines)) if mine[i] != theirs[i]]
    print(f"{name}: {len(lines) - len(wrong)} of {len(lines)} texts agree")
    for i in wrong[:3]:
        print(f"  {lines[i]!r:.300}\n    ours   {mine[i]!r:.300}\n    theirs {theirs[i]!r:.300}")
    failures += wrong


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true", help="100,000 texts rather than 1,000")
    parser.add_argument("--model", type=pathlib.Path, default=ROOT / ".deps/models/SmolLM2-135M-Instruct.Q4_1.gguf")
    parser.add_argument("--gemma", type=pathlib.Path, default=ROOT / ".deps/models/gemma-3-270m-q4_k_m.gguf", help="left out where it was not fetched")
    parser.add_argument("--downloads", type=pathlib.Path, default=ROOT / ".deps/downloads", help="where GPT-2's vocabulary is kept")
    parser.add_argument("--tokenize", default=f"{ROOT}/build/bin/phibench-cli tokenize --json --model {{model}}")
    args = parser.parse_args()

    from tokenizers.pre_tokenizers import ByteLevel, Digits, Sequence
    from transformers import AutoConfig, AutoTokenizer

    lines = texts(100_000 if args.full else 1_000)
    failures = []

    def reference(backend):
        return [e.ids for e in backend.encode_batch(lines, add_special_tokens=False)]

    def decoding(name, model, backend, ids, whole=False):
        """Ids cut anywhere and random ones too, unless `whole`: invalid UTF-8 comes out."""
        rng = random.Random(1)
        cut = [i[:rng.randint(0, len(i))][:1000] for i in ids[:len(ids) // 2]] + [[rng.randrange(backend.get_vocab_size()) for _ in range(rng.randint(1, 40))] for _ in ids[len(ids) // 2:]]
        cut = [i for i in ids if len(i) <= 1000] if whole else cut
        theirs = [backend.decode(i, skip_special_tokens=False) for i in cut]
        compare(f"{name}, decoded", ours(args.tokenize + " --decode", model, cut), theirs, cut, failures)

    # SmolLM2
    where = {"pretrained_model_name_or_path": str(args.model.parent), "gguf_file": args.model.name}
    tokenizer, config = AutoTokenizer.from_pretrained(**where), AutoConfig.from_pretrained(**where)
    backend = tokenizer.backend_tokenizer
    mine = ours(args.tokenize, args.model, lines)
    unmended = reference(backend)
    if [tokenizer(t).input_ids for t in lines[:200]] != unmended[:200]:
        sys.exit("transformers' tokenizer adds something to what its backend gives")
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        compare("SmolLM2, tokenizer.json as transformers saves it, against it", ours(args.tokenize, folder, lines), unmended, lines, failures)
    backend.pre_tokenizer = Sequence([Digits(individual_digits=True), ByteLevel(add_prefix_space=False)])
    mended = reference(backend)
    with tempfile.TemporaryDirectory() as folder:
        config.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        compare("SmolLM2, tokenizer.json with digits split, against transformers", ours(args.tokenize, folder, lines), mended, lines, failures)
    compare("SmolLM2, GGUF, against transformers with digits split", mine, mended, lines, failures)
    decoding("SmolLM2, GGUF", args.model, backend, mended)
    for name, wanted in (("without digits", False), ("with digits", True)):
        some = [i for i, t in enumerate(lines) if any(unicodedata.category(c).startswith("N") for c in t) == wanted]
        same = sum(mine[i] == unmended[i] for i in some)
        print(f"SmolLM2, GGUF, against transformers as it is, texts {name}: {same} of {len(some)} agree")

    # Phi-2
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        subprocess.run([sys.executable, ROOT / "tests/support/phi2_tokenizer.py", folder, "--downloads", args.downloads], check=True)
        (folder / "config.json").write_text(json.dumps({"model_type": "phi", "architectures": ["PhiForCausalLM"], "vocab_size": 51200}))
        tokenizer = AutoTokenizer.from_pretrained(folder)
        theirs = reference(tokenizer.backend_tokenizer)
        compare("Phi-2, tokenizer.json, against transformers", ours(args.tokenize, folder, lines), theirs, lines, failures)
        decoding("Phi-2, tokenizer.json", folder, tokenizer.backend_tokenizer, theirs)
        (folder / "tokenizer.json").unlink()
        compare("Phi-2, vocab.json and merges.txt, against transformers", ours(args.tokenize, folder, lines), theirs, lines, failures)
        decoding("Phi-2, vocab.json and merges.txt", folder, tokenizer.backend_tokenizer, theirs)

    tokenizers_of_families.run(lines, lambda model, given: ours(args.tokenize, model, given), compare, decoding, failures, args.gemma)
    sys.exit(1 if failures else 0)


if __name__ == "__main__":
    main()
