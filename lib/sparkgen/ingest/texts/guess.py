"""Recognises labelled lines and JSON lines of texts by how their files begin."""

import json
import re
from collections import Counter
from collections.abc import Sequence
from statistics import mean, quantiles
from typing import Any

from sparkgen.ingest.files.path_list import JSON_LINES, NAMES, plain_name
from sparkgen.ingest.files.split_words import by_split
from sparkgen.ingest.images.formats import ENDINGS as PICTURES
from sparkgen.ingest.images.formats import ending
from sparkgen.ingest.looking.look import Look, Recognised, Sure, plain_ending
from sparkgen.ingest.looking.split_files import SplitFiles, split_files
from sparkgen.ingest.texts.fields import TEXTS

LINES = 400  # that are looked at
LEAST = 10
MOST_CLASSES = 50
WORDS: dict[str, Any] = {"kind": "words"}
PAIRS: dict[str, Any] = {"kind": "bpe"}
BLOCK = 129  # tokens of a record of joined texts

_PAIR = re.compile(r"\d+:\S+")
_WORD = re.compile(r"[^\W\d_]{2,}")


def guess_labelled(look: Look) -> Recognised | None:
    """What a path is as lines of a label and a text; None: no such lines."""
    files = look.those(lambda file: _separator(_lines(look.head(file))) is not None)
    if not files:
        return None
    splits, validation = _splits(look, files)
    lines = _lines(look.head(files[0]))
    separator = _separator(lines)
    keys = {**splits.keys, **validation}
    if separator == "\t":
        keys["separator"] = separator
    texts = [line.split(None if separator == " " else separator, 1)[1] for line in lines]
    found = f"lines of a label and a text in {_count(files)}{splits.told}"
    return singles(keys, found, texts)


def guess_json_lines(look: Look) -> Recognised | None:
    """What a path is as JSON lines with a field of texts; None: no such lines."""
    files = look.those(
        lambda file: (
            plain_ending(file) in JSON_LINES and _field(_objects(look.head(file))) is not None
        )
    )
    if not files:
        return None
    splits, validation = _splits(look, files)
    objects = _objects(look.head(files[0]))
    field = str(_field(objects))
    label = _label(objects, field)
    keys = {**splits.keys, **validation, "text": field, **({"label": label} if label else {})}
    found = f"JSON lines with texts in the field {field} in {_count(files)}{splits.told}"
    texts = [found[field] for found in objects if isinstance(found.get(field), str)]
    return singles(keys, found, texts) if label else joined(keys, found)


def singles(
    keys: dict[str, Any], found: str, texts: Sequence[str], *, sure: Sure = Sure.LIKELY
) -> Recognised:
    """Texts that are a record each, as long as most of them."""
    words = [len(re.findall(r"\w+|[^\w\s]", text)) for text in texts]
    usual = quantiles(words, n=20)[-1] if len(words) > 1 else sum(words)
    length = 16
    while length < min(usual, 512):
        length *= 2
    return Recognised(
        sure,
        keys,
        found,
        (length,),
        about_shape=f"{length} tokens: longer texts are cut, shorter ones filled up",
        record="tokens",
        tokenizer=WORDS,
    )


def joined(keys: dict[str, Any], found: str, *, sure: Sure = Sure.LIKELY) -> Recognised:
    """Texts that are joined and cut into blocks."""
    return Recognised(
        sure,
        keys,
        found,
        (BLOCK,),
        about_shape=f"{BLOCK} tokens, of which neighbours share one: {BLOCK - 1} to predict",
        record="tokens",
        tokenizer=PAIRS,
    )


def _splits(look: Look, files: list[str]) -> tuple[SplitFiles, dict[str, str]]:
    """The splits of some files, and the key of the validation files where there are such besides."""
    splits = split_files(look, files, alike=True)
    found = by_split(files, alike=True).get("validation", [])
    if len(found) != 1 or found != list(splits.others):
        return splits, {}
    return splits._replace(others=()), {"validation": found[0]}


def _lines(head: bytes) -> list[str]:
    """The first whole lines of a file that are not empty; none where they are no text."""
    try:
        lines = head[: head.rfind(b"\n") + 1].decode("utf-8-sig").splitlines()
    except UnicodeDecodeError:
        return []
    return [line for line in lines if line.strip()][:LINES]


def _separator(lines: Sequence[str]) -> str | None:
    """What stands between labels and texts, a tab or a blank; None: lines are not of this kind."""
    if len(lines) < LEAST:
        return None
    for separator in ("\t", " "):
        parts = [line.split(None if separator == " " else separator, 1) for line in lines]
        if all(len(part) == 2 for part in parts):
            labels = Counter(label.strip() for label, _ in parts)
            texts = sum(_is_text(text) for _, text in parts)
            few = 2 <= len(labels) <= min(MOST_CLASSES, len(lines) // 4)
            if few and texts > 0.9 * len(lines):
                return separator
    return None


def _is_text(text: str) -> bool:
    """Whether words follow a label, and not numbers or pairs of an index and a number."""
    return _WORD.search(text) is not None and _PAIR.match(text.lstrip()) is None


def _objects(head: bytes) -> list[dict[str, Any]]:
    """The objects of the first lines; none where a line is no object."""
    try:
        found = [json.loads(line) for line in _lines(head)]
    except (ValueError, RecursionError):
        return []
    return found if all(isinstance(one, dict) for one in found) else []


def _field(objects: Sequence[dict[str, Any]]) -> str | None:
    """The field of the texts: of a usual name, or the one of the longest texts with blanks."""
    if not objects:
        return None
    fields: dict[str, list[str]] = {}
    for one in objects:
        for name, value in one.items():
            if isinstance(value, str):
                fields.setdefault(name, []).append(value)
    if any(all(ending(value) in PICTURES for value in some) for some in fields.values()):
        return None  # a list of pictures
    most = {name: some for name, some in fields.items() if 2 * len(some) > len(objects)}
    usual = {plain_name(name): name for name in reversed(most)}
    for name in TEXTS:
        if name in usual:
            return usual[name]
    spoken = {name: mean(map(len, some)) for name, some in most.items() if " " in "".join(some)}
    return max(spoken, key=spoken.__getitem__, default=None)


def _label(objects: Sequence[dict[str, Any]], text: str) -> str | None:
    """The field of the classes, if one has a usual name and few values."""
    names = {plain_name(name): name for one in objects for name in one if name != text}
    for name in NAMES["label"]:
        if name in names:
            values = {str(one.get(names[name])) for one in objects}
            if len(values) <= MOST_CLASSES:
                return names[name]
    return None


def _count(files: Sequence[str]) -> str:
    return f"{len(files)} {'file' if len(files) == 1 else 'files'}"
