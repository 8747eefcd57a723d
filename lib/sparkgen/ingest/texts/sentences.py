"""Takes the descriptions of scikit-learn's data sets apart into sentences."""

import re
from collections.abc import Iterator
from importlib.resources import files

FEWEST, MOST = 5, 60
"""Words of a sentence; what has fewer or more is a heading, a table, or a list."""
EVERY = 5
"""One sentence of so many is for the test."""


def description_texts() -> Iterator[tuple[str, str]]:
    """The name and the text of each description, in the order of names."""
    for file in sorted(files("sklearn.datasets.descr").iterdir(), key=lambda file: file.name):
        if file.name.endswith(".rst"):
            yield file.name.removesuffix(".rst"), file.read_bytes().decode()


def sentences(text: str) -> list[str]:
    """The sentences of a text: what ends with a full stop or the like, or with an empty line."""
    paragraphs = re.split(r"\n\s*\n", text)
    found = [
        " ".join(sentence.split())
        for paragraph in paragraphs
        for sentence in re.split(r"(?<=[.!?])\s+", paragraph)
    ]
    return [one for one in found if FEWEST <= len(re.findall(r"[A-Za-z]{2,}", one)) <= MOST]


def labelled_lines() -> tuple[tuple[str, ...], dict[str, list[str]]]:
    """The names of the descriptions, and lines `number sentence` of each split."""
    names, lines = [], {"train": [], "test": []}  # type: ignore[var-annotated]
    for number, (name, text) in enumerate(description_texts()):
        names.append(name)
        for place, sentence in enumerate(sentences(text)):
            split = "test" if place % EVERY == EVERY - 1 else "train"
            lines[split].append(f"{number} {sentence}")
    return tuple(names), lines
