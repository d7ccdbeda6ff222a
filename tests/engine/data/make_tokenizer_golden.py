# SPDX-License-Identifier: GPL-3.0-or-later
"""Make tokenizer_golden.json: what the tokenizers library (0.23.3) gives for small tokenizers of many dialects, and what
sentencepiece (0.2.3) gives for its own.

    python tests/engine/data/make_tokenizer_golden.py

The file holds two models trained here on the text below, and cases: a change to one of them (a JSON merge patch) with texts, their ids,
and what decoding gives where that is no replacement character.
"""
import copy
import json
import pathlib

import sentencepiece
import sentencepiece.sentencepiece_model_pb2 as spm
import tokenizers
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

CORPUS = ["The miller's daughter sells bread in the market; she'll sell more of it in the spring, and the others won't.",
          "Our profit rose by 12 percent to 3,450 crowns in 1999, while the losses of the year before were 27 crowns.",
          "def weigh(sack):\n    return sum(grain for grain in sack)\n\n\tif not sack:\n\t\treturn 0\n",
          "Der Müller und seine Tochter verkaufen Brot. Größe, Öl, Straße. Le café est à côté du marché, où l'été finit.",
          "Мельник продаёт хлеб на рынке. 面包师在市场卖面包，价格是三元。 الخباز يبيع الخبز في السوق",
          "IT'S THE MARKET'S PRICE. They're, we've, I'm, he'd: all of them there then."] * 3

TEXTS = ["", " ", "The miller's bread", "  two  blanks   three", "tabs\t\tand\t\t\tmore", "lines\nand\r\nmore\r\n\r\n  \n end\n",
         "in 1999 or 2024: 3,450.75  7", "I'M they'LL we'Ve 'sack 'Tis ''s don't'", "fe\u0301 a\u00a0b\u3000c\u2009 d\u0085e\u2028f\u200bg",
         "Größe über cafe\u0301 e\u0323\u0301 \u1e69 ÅÅ\u212b ﬁﬀ İSTANBUL ſ 'ſ ǅ", "面包师在市场卖面包，价格是12元。", "الخباز يبيع ٣٤٥ الخبز",
         "🙂 👩‍👩‍👧 🇫🇮👍🏽❤️", "½¾①② Ⅷ x² ㊿", "def f(x):\n\treturn x\n\n        # deep\n", "a" * 60 + " " * 40 + "the" * 30 + "!",
         "<|end|>the<|end|> <|end|>\n<|endless|> <|e", " <mask> x<mask>y <mask>\t<mask>  . ", "word words sword Word word_ word, \nword\u0301",
         "\U00010d4a\U00010d40x \U0002ebf0\u1c8a", "▁x ▁ ▁▁y", "\x00\x01\x7f", "pre\u0301\u0301 \u0301x"]

GPT4O = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}"
         r"\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")
LLAMA3 = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")
QWEN2 = LLAMA3.replace("{1,3}", "")


def bytelevel(regex=True, prefix=False):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": True, "use_regex": regex}


def split(pattern, behavior="Isolated", invert=False):
    return {"type": "Split", "pattern": pattern, "behavior": behavior, "invert": invert}


def sequence(*steps):
    return {"type": "Sequence", "pretokenizers": list(steps)}


def token(content, number, **flags):
    return {"id": number, "content": content, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": False} | flags


def train(pre_tokenizer, size, **options):
    tokenizer = Tokenizer(models.BPE(**options))
    tokenizer.pre_tokenizer = pre_tokenizer
    extra = {"initial_alphabet": pre_tokenizers.ByteLevel.alphabet()} if not options else {"special_tokens": ["<unk>"] + [f"<0x{b:02X}>" for b in range(256)]}
    tokenizer.train_from_iterator(CORPUS, trainers.BpeTrainer(vocab_size=size, show_progress=False, **extra))
    made = json.loads(tokenizer.to_str())
    made["added_tokens"] = []
    return made


def patched(base, change):
    if not isinstance(change, dict):
        return change
    out = dict(base) if isinstance(base, dict) else {}
    for key, value in change.items():
        if value is None:
            out.pop(key, None)
        else:
            out[key] = patched(out.get(key), value)
    return out


bytes_model = train(pre_tokenizers.ByteLevel(add_prefix_space=False), 400)
bytes_model["pre_tokenizer"], bytes_model["decoder"] = bytelevel(), bytelevel()
pieces_model = train(pre_tokenizers.Metaspace(), 470, unk_token="<unk>", byte_fallback=True, fuse_unk=True)
pieces_model["pre_tokenizer"] = None
pieces_model["normalizer"] = {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
                                                                 {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}
pieces_model["decoder"] = {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"},
                                                           {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]}
BYTES, PIECES = "bytes", "pieces"
models_by_name = {BYTES: bytes_model, PIECES: pieces_model}

spaces = [token(" " * n, 401 + 31 - n, normalized=True) for n in range(31, 1, -1)] + [token("\t" * n, 431 + 9 - n, normalized=True) for n in range(9, 1, -1)]
ends = [token("<|end|>", 400, special=True), token("<|endless|>", 401, special=True), token("<|e", 402), token("the", bytes_model["model"]["vocab"]["the"], normalized=True)]
words = [token("<mask>", 400, lstrip=True, special=True), token("word", 401, single_word=True), token(".", bytes_model["model"]["vocab"]["."], rstrip=True, lstrip=True),
         token("blanks ", 402, rstrip=True), token("fé", 403, normalized=True)]
few = {t: n for n, t in enumerate([t for t in bytes_model["model"]["vocab"] if t not in "0123456789ĊčXQ"])}
few_merges = [m for m in bytes_model["model"]["merges"] if m[0] in few and m[1] in few and m[0] + m[1] in few]

vocab = pieces_model["model"]["vocab"]
# As a SentencePiece file's scores give them: the earlier token first, split at every place.
all_merges = [[t[:n], t[n:]] for t in sorted(vocab, key=vocab.get) if vocab[t] > 256 for n in range(1, len(t)) if t[:n] in vocab and t[n:] in vocab]

# As Gemma's: blanks are written first, runs of them are tokens that merge, and nothing comes before a text.
gemma_vocab = vocab | {"▁▁": 470, "▁▁▁": 471}
gemma = {"normalizer": {"type": "Replace", "normalizers": None, "pattern": {"String": " "}, "content": "▁"},
         "pre_tokenizer": split({"String": " "}, "MergedWithPrevious"),
         "decoder": {"decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}]},
         "model": {"vocab": gemma_vocab, "merges": [["▁", "▁"], ["▁▁", "▁"], ["▁", "▁▁"]] + all_merges},
         "added_tokens": [token("<unk>", 0, special=True), token("▁▁", 470), token("▁▁▁", 471), token("\n", vocab["\n"]), token("\n\n", 472), token("<|end|>", 473, special=True)]}

CASES = [
    ("Gemma", PIECES, gemma),
    ("GPT-2", BYTES, {}),
    ("prefix space", BYTES, {"pre_tokenizer": {"add_prefix_space": True}}),
    ("digits one by one", BYTES, {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": True}, bytelevel())}),
    ("digits together, prefix space", BYTES, {"pre_tokenizer": sequence({"type": "Digits", "individual_digits": False}, bytelevel(prefix=True))}),
    ("no split", BYTES, {"pre_tokenizer": bytelevel(regex=False)}),
    ("Llama 3", BYTES, {"pre_tokenizer": sequence(split({"Regex": LLAMA3}), bytelevel(False)), "model": {"ignore_merges": True}}),
    ("Qwen 2", BYTES, {"normalizer": {"type": "NFC"}, "pre_tokenizer": sequence(split({"Regex": QWEN2}), bytelevel(False))}),
    ("Qwen 2, removed and inverted", BYTES, {"pre_tokenizer": sequence(split({"Regex": QWEN2}, "Removed", True), bytelevel(False))}),
    ("an expression of our own", BYTES, {"pre_tokenizer": sequence(split({"Regex": GPT4O}), bytelevel(False))}),
    *[(f"split {behavior}{' inverted' if invert else ''}", BYTES, {"pre_tokenizer": sequence(split({"Regex": r"[0-9,]|the|\s{2}"}, behavior, invert), bytelevel(False))})
      for behavior in ("Isolated", "Removed", "MergedWithPrevious", "MergedWithNext", "Contiguous") for invert in (False, True)],
    ("split at a string", BYTES, {"pre_tokenizer": sequence(split({"String": "e."}, "MergedWithNext"), split({"String": " "}, "MergedWithPrevious"), bytelevel(False))}),
    ("runs of blanks as in Phi", BYTES, {"added_tokens": [token("<|endoftext|>", 400, special=True)] + spaces}),
    ("special tokens that overlap", BYTES, {"added_tokens": ends}),
    ("stripping and single words", BYTES, {"added_tokens": words}),
    *[(f"normalizer {name}", BYTES, {"normalizer": {"type": name}, "added_tokens": [token("GRÖ", 400, normalized=True), token("ﬁ", 401)]}) for name in ("NFC", "NFD", "NFKC", "NFKD", "Lowercase")],
    ("normalizers in a row", BYTES, {"normalizer": {"type": "Sequence", "normalizers": [
        {"type": "Replace", "pattern": {"Regex": r"\s+"}, "content": " "}, {"type": "Replace", "pattern": {"String": "the"}, "content": "THE"},
        {"type": "Prepend", "prepend": "¿"}, {"type": "Lowercase"}]}}),
    ("bytes without tokens", BYTES, {"model": {"vocab": few, "merges": few_merges}}),
    ("merges as strings", BYTES, {"model": {"merges": [" ".join(m) for m in bytes_model["model"]["merges"]]}}),
    ("Llama 2", PIECES, {"added_tokens": [token("<unk>", 0, special=True), token("<|end|>", 470, special=True)]}),
    ("Llama 2, all ways to merge", PIECES, {"model": {"merges": all_merges},
                                            "added_tokens": [token("<unk>", 0, special=True), token("<|end|>", 470, special=True)]}),
    ("unknown, fused", PIECES, {"model": {"byte_fallback": False}}),
    ("unknown, each", PIECES, {"model": {"byte_fallback": False, "fuse_unk": False}}),
    *[(f"metaspace {scheme}{' split' if cut else ''}", PIECES, {
        "normalizer": None, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut},
        "decoder": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": cut},
        "added_tokens": [token("<|end|>", 470, special=True)]}) for scheme in ("always", "first", "never") for cut in (True, False)],
]


def run(name, base, change):
    change = copy.deepcopy(change)
    if "vocab" in change.get("model", {}):  # a merge patch adds to an object; the rest must go
        change["model"]["vocab"] |= {t: None for t in models_by_name[base]["model"]["vocab"] if t not in change["model"]["vocab"]}
    tokenizer = Tokenizer.from_str(json.dumps({"normalizer": None, "pre_tokenizer": None, "decoder": None} | patched(models_by_name[base], change)))
    for t in change.get("added_tokens", []):
        assert tokenizer.token_to_id(t["content"]) == t["id"], (name, t)
    results = []
    for index, text in enumerate(TEXTS):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        decoded = tokenizer.decode(ids, skip_special_tokens=False)
        row = {"text": index, "ids": ids}
        if "\ufffd" not in decoded and base == PIECES and "metaspace" not in name:
            row["decoded"] = decoded
        results.append(row)
    return {"name": name, "base": base, "patch": change, "results": results}


def pieces_of_sentencepiece(prefix):
    """A model of sentencepiece's own with the tokens of the pieces model: scores, no merges; user-defined tokens as GGUF spells them."""
    kinds = [(t, 2 if t == "<unk>" else 6 if t.startswith("<0x") else 1) for t in sorted(vocab, key=vocab.get)]
    kinds += [("<s>", 3), ("</s>", 3)] + [(t, 4) for t in ("  ", "   ", "    ", "\n\n", "\t\t", "<table>") if not prefix]
    model = spm.ModelProto()
    scores = []
    for number, (text, kind) in enumerate(kinds):
        scores.append(-float(number // 2) if kind == 1 else 0.0)  # pairs of equal scores
        model.pieces.add(piece=text.replace(" ", "▁"), score=scores[-1], type=kind)
    model.trainer_spec.model_type = spm.TrainerSpec.BPE
    model.trainer_spec.byte_fallback = True
    model.trainer_spec.unk_id, model.trainer_spec.bos_id, model.trainer_spec.eos_id = 0, 470, 471
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = prefix
    model.normalizer_spec.remove_extra_whitespaces = False
    model.normalizer_spec.escape_whitespaces = True
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    results = []
    for index, text in enumerate(TEXTS):
        if "▁" in text:  # GGUF's user-defined tokens hold blanks: what looks like one is none
            continue
        results.append({"text": index, "ids": processor.encode(text), "decoded": processor.decode(processor.encode(text))})
    return {"prefix": prefix, "tokens": [t for t, _ in kinds], "types": [k for _, k in kinds], "scores": scores, "results": results}


def main():
    cases = [run(*case) for case in CASES]
    file = pathlib.Path(__file__).with_name("tokenizer_golden.json")
    head = {"made_by": f"make_tokenizer_golden.py with tokenizers {tokenizers.__version__}", "texts": TEXTS, "models": models_by_name,
            "sentencepiece": [pieces_of_sentencepiece(prefix) for prefix in (True, False)]}
    lines = [json.dumps(head, ensure_ascii=True, separators=(",", ":"))[:-1] + ',"cases":[']
    lines.append(",\n".join(json.dumps(case, ensure_ascii=True, separators=(",", ":")) for case in cases))
    file.write_text("\n".join(lines) + "]}\n", encoding="utf-8")
    print(file, file.stat().st_size, "bytes,", len(cases), "cases")


if __name__ == "__main__":
    main()
