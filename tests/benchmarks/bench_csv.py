# SPDX-License-Identifier: GPL-3.0-or-later
"""A CSV of a wanted size as people have it: quoted texts with commas, quotes and line ends inside, no row like another."""
import os
import random

WORDS = ("the", "bench", "holds", "a", "long", "table", "of", "sentences", "that", "somebody", "read", "twice", "naïve", "café", "Öl", "“so”",
         "price", "rose", "fell", "stayed", "quarter", "harbour", "river", "letter", "winter", "1,250", "3.5 %", 'said ""yes""', 'a ""no""')
LABELS = ("negative", "neutral", "positive")


def _texts():
    """Quoted texts, one in four with a line end inside, without the number that makes each row its own."""
    draw = random.Random(7)
    for _ in range(4096):
        words = draw.choices(WORDS, k=draw.randint(8, 48))
        if draw.random() < 0.25:
            words.insert(draw.randrange(1, len(words)), "so,\nthat")
        yield f'{draw.choice(LABELS)},"' + " ".join(words) + " "


def write(path, size):
    """Writes at least `size` bytes, whole rows, unless a file of that size is there already."""
    texts = list(_texts())
    period = sum(len(text.encode()) for text in texts) / len(texts) + 10
    rows = int(size / period) + 1
    stamp = f"{rows} rows\n"
    done = path.with_suffix(".done")
    if path.exists() and done.exists() and done.read_text() == stamp:
        return rows
    with open(path, "w", encoding="utf-8", newline="") as file:
        file.write("label,text\n")
        for begin in range(0, rows, len(texts)):
            file.write("".join(f'{text}{number}"\n' for number, text in enumerate(texts[:rows - begin], begin)))
        file.flush()
        os.fsync(file.fileno())
    done.write_text(stamp)
    return rows
