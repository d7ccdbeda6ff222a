#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""phi2_tokenizer.py FOLDER [--downloads FOLDER]: Phi-2's tokenizer as microsoft/phi-2 holds it, for write_phi2's model.

Its vocabulary is GPT-2's (MIT), which openai-whisper's source archive on PyPI (MIT) carries as a list of ranks: fetched with pip, kept
in the downloads folder, never committed. The merges are derived from the ranks; CodeGen's runs of spaces and tabs are added.
Needs only the standard library and pip."""
import argparse, base64, hashlib, json, pathlib, subprocess, sys, tarfile

PACKAGE = "openai-whisper==20250625"
RANKS = "openai_whisper-20250625/whisper/assets/gpt2.tiktoken"
RANKS_SHA256 = "306cd27f03c1a714eca7108e03d66b7dc042abe8c258b44c199a7ed9838dd930"
END = "<|endoftext|>"


def ranks(downloads):
    archive = downloads / "openai_whisper-20250625.tar.gz"
    if not archive.exists():
        downloads.mkdir(parents=True, exist_ok=True)
        subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "openai-whisper",
                        "--dest", str(downloads), PACKAGE], check=True)
    with tarfile.open(archive) as files:
        text = files.extractfile(RANKS).read()
    if hashlib.sha256(text).hexdigest() != RANKS_SHA256:
        sys.exit(f"{archive}: {RANKS} is another file than this script knows")
    pairs = (line.split() for line in text.splitlines() if line)
    return {base64.b64decode(token): int(rank) for token, rank in pairs}


def symbols():
    """GPT-2's printable stand-in for each byte."""
    plain = [b for b in range(256) if 0x21 <= b <= 0x7E or 0xA1 <= b <= 0xAC or b >= 0xAE]
    others = [b for b in range(256) if b not in plain]
    return {**{b: chr(b) for b in plain}, **{b: chr(256 + i) for i, b in enumerate(others)}}


def merge_of(token, rank, known):
    """The two parts that BPE with the earlier ranks leaves of `token`."""
    parts = [token[i:i + 1] for i in range(len(token))]
    while len(parts) > 2:
        best = min(range(len(parts) - 1), key=lambda i: known.get(parts[i] + parts[i + 1], rank))
        joined = parts[best] + parts[best + 1]
        if known.get(joined, rank) >= rank:
            sys.exit(f"{token!r} cannot be built from earlier tokens")
        parts[best:best + 2] = [joined]
    return parts


def write(file, value):
    file.write_text(json.dumps(value, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("folder", type=pathlib.Path)
    arguments.add_argument("--downloads", type=pathlib.Path, default=pathlib.Path.home() / ".cache/phibench/downloads")
    options = arguments.parse_args()
    folder = options.folder
    folder.mkdir(parents=True, exist_ok=True)
    known, symbol = ranks(options.downloads), symbols()
    spelled = {token: "".join(symbol[b] for b in token) for token in known}
    vocab = {spelled[token]: rank for token, rank in sorted(known.items(), key=lambda item: item[1])}
    merges = [" ".join(spelled.get(part) or symbol[part[0]] for part in merge_of(token, rank, known))
              for token, rank in sorted(known.items(), key=lambda item: item[1]) if len(token) > 1]
    vocab[END] = len(vocab)
    assert len(vocab) == 50257 and len(merges) == 50000, (len(vocab), len(merges))
    added = {" " * n: 50257 + 31 - n for n in range(31, 1, -1)} | {"\t" * n: 50287 + 9 - n for n in range(9, 1, -1)}

    def entry(content, number, special):
        return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False,
                "normalized": not special, "special": special}

    def described(content, special):
        fields = entry(content, 0, special)
        del fields["id"]
        return fields

    entries = [entry(END, 50256, True)] + [entry(text, number, False) for text, number in added.items()]
    byte_level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}
    (folder / "vocab.json").write_text(json.dumps(vocab, ensure_ascii=False, separators=(",", ":")), encoding="utf-8")
    (folder / "merges.txt").write_text("#version: 0.2\n" + "\n".join(merges) + "\n", encoding="utf-8")
    write(folder / "added_tokens.json", dict(sorted(added.items())))
    write(folder / "special_tokens_map.json", {"bos_token": END, "eos_token": END, "unk_token": END})
    write(folder / "tokenizer_config.json", {
        "add_prefix_space": False,
        "added_tokens_decoder": {str(e["id"]): described(e["content"], e["special"]) for e in entries},
        "bos_token": END, "clean_up_tokenization_spaces": True, "eos_token": END, "model_max_length": 2048,
        "return_token_type_ids": False, "tokenizer_class": "CodeGenTokenizer", "unk_token": END})
    write(folder / "tokenizer.json", {
        "version": "1.0", "truncation": None, "padding": None, "added_tokens": entries, "normalizer": None,
        "pre_tokenizer": byte_level, "post_processor": {**byte_level, "add_prefix_space": True, "trim_offsets": False},
        "decoder": {**byte_level, "add_prefix_space": True},
        "model": {"type": "BPE", "dropout": None, "unk_token": None, "continuing_subword_prefix": "", "end_of_word_suffix": "",
                  "fuse_unk": False, "vocab": vocab, "merges": merges}})


if __name__ == "__main__":
    main()
