# SPDX-License-Identifier: GPL-3.0-or-later
"""A CSV of a wanted size as people have it: quoted texts with commas, quotes and line ends inside, no row like another."""
import os
import random

WORDS = ("the", "bench", "holds", "a", "long", "table", "of", "sentences", "that", "somebody", "read", "twice", "naïve", "café", "Öl", "“so”",
         "price", "rose", "fell", "stayed", "quarter", "harbour", "river", "letter", "winter", "1,250", "3.5 %", 'said ""yes""', 'a ""no""')
LABELS = ("negative", "neutral", "positive")


def _beginnings(count):
    """Rows without their end: one text in four has a line end inside."""
    draw = random.Random(7)
    for _ in range(count):
        words = draw.choices(WORDS, k=draw.randint(8, 48))
        if draw.random() < 0.25:
            words.insert(draw.randrange(1, len(words)), "so,\nthat")
        yield f'{draw.choice(LABELS)},"' + " ".join(words)


def write(path, size):
    """Writes whole rows until there are at least `size` bytes; the same file every time."""
    beginnings, number = list(_beginnings(1024)), 0
    with open(path, "wb") as file:
        file.write(b"label,text\n")
        while file.tell() < size:
            file.write("".join(f'{row} {number + i}"\n' for i, row in enumerate(beginnings)).encode())
            number += len(beginnings)
        file.flush()
        os.fsync(file.fileno())
