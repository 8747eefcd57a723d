"""Defines a chunk of texts, and reads chunks from plain and compressed files.

A text is bad where it is no UTF-8, has a NUL byte, or is a line longer than the bound. Of a text that is
read in parts, the lines with such bytes are bad, and the rest of it stays. An empty document is left out
and counted. A byte order mark at the beginning of a file is no part of its text.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

from sparkgen.config.tokenizer import Unicode
from sparkgen.ingest.block import Bad
from sparkgen.ingest.files.compressed import Turns, blocks_in_turn, compression, turns
from sparkgen.ingest.layout import RAW_BYTES
from sparkgen.ingest.libsvm.lines import BYTE_ORDER_MARK, line_blocks, read_block
from sparkgen.ingest.texts.fields import Fields, Read
from sparkgen.ingest.texts.parts import part_blocks, read_part

CHUNK_BYTES = 1 << 20
Key = tuple[str, int, int]
"""Split, number of the file and number in the file: what a chunk or a block is known by."""


class Chunk(NamedTuple):
    """Neighbouring texts of one source file.

    `texts` are whole documents or, where `part`, pieces of one; then `ends` says whether it ends with
    them. `positions` are the numbers of the lines that they begin in, from 0 at the start of the chunk;
    `length` is how many lines begin in it. `labels` are the values for their classes; None: there are
    none. `empty` counts the documents without a character.
    """

    split: str
    file: int
    number: int
    texts: Sequence[str]
    positions: Sequence[int]
    bad: list[Bad]
    length: int
    labels: Sequence[str] | None = None
    part: bool = False
    ends: bool = False
    empty: int = 0

    @property
    def key(self) -> Key:
        return self.split, self.file, self.number


class ChunkShare(Protocol):
    """A share of the texts of a source. It travels to the executors by pickle."""

    def chunks(self) -> Iterator[Chunk]:
        """The chunks of this share, one at a time in memory."""
        ...


class Form(NamedTuple):
    """How the bytes of a file are texts.

    `parts`: the file is one document, or a part of one. Else each line has one, in `fields`; None: the
    line is the text. `most` is the longest line in bytes, `unicode` the form that texts are brought into.
    """

    parts: bool
    fields: Fields | None
    most: int
    unicode: Unicode = "none"


class FileChunks(NamedTuple):
    """Some chunks of one file: a `ChunkShare`."""

    split: str
    file: int
    uri: str
    form: Form
    turns: Turns

    def chunks(self) -> Iterator[Chunk]:
        of_stream, at = (part_blocks, read_part) if self.form.parts else (line_blocks, read_block)
        found = blocks_in_turn(
            self.uri,
            self.turns,
            of_stream=lambda stream: of_stream(stream, CHUNK_BYTES),
            at=lambda file, number: at(file, number, CHUNK_BYTES),
        )
        for number, data in found:
            data = data.removeprefix(BYTE_ORDER_MARK) if number == 0 else data
            parse = _part if self.form.parts else _lines
            chunk = parse(Chunk(self.split, self.file, number, (), (), [], 0), data, self.form)
            yield chunk._replace(texts=normalised(chunk.texts, self.form.unicode))


def file_chunks(
    split: str, file: int, uri: str, *, size: int, form: Form, tasks: int
) -> list[FileChunks]:
    """The shares of one file, for about as many tasks as there are cores."""
    blocks = -(-size // CHUNK_BYTES) + form.parts  # after the last part comes the end of the file
    if compression(uri):
        blocks = max(1, blocks)
    return [FileChunks(split, file, uri, form, some) for some in turns(uri, blocks, tasks=tasks)]


def normalised(texts: Sequence[str], form: Unicode) -> Sequence[str]:
    """Texts in a form of Unicode."""
    return texts if form == "none" else [unicodedata.normalize(form, text) for text in texts]


def fault(data: bytes, most: int | None) -> str | None:
    """Why a text of some bytes is bad, as the quarantine names it; None: it is not."""
    if most is not None and len(data) > most:
        return "too-long"
    if b"\0" in data:
        return "nul-byte"
    try:
        data.decode()
    except UnicodeDecodeError:
        return "not-utf-8"
    return None


def _part(empty: Chunk, data: bytes, form: Form) -> Chunk:
    """The chunk of a part of a document; no bytes are its end."""
    length = data.count(b"\n")
    empty = empty._replace(part=True, ends=not data, length=length)
    text = _text(data)
    if text is not None:
        return empty._replace(texts=[text] if text else [], positions=[0] if text else [])
    texts, positions, bad = [], [], []
    for position, line in enumerate(_kept_lines(data)):
        if (reason := fault(line, None)) is None:
            texts.append(line.decode())
            positions.append(position)
        else:
            bad.append(Bad(position, reason, line[:RAW_BYTES]))
    return empty._replace(texts=texts, positions=positions, bad=bad)


def _lines(empty: Chunk, data: bytes, form: Form) -> Chunk:
    """The chunk of whole lines, each of which ends with LF or CRLF, which are no part of it."""
    if not data:
        return empty
    data = data.removesuffix(b"\n")
    text = _text(data)
    if text is not None and (len(data) <= form.most or _longest(data) <= form.most):
        lines = text.split("\n")
        positions: Sequence[int] = range(len(lines))
        bad: list[Bad] = []
    else:
        lines, positions, bad = _good_lines(data, form.most)
    if b"\r" in data:
        lines = [line.removesuffix("\r") for line in lines]
    chunk = empty._replace(bad=bad, length=data.count(b"\n") + 1)
    if form.fields is None:
        return of_texts(chunk, lines, positions)
    found = [form.fields.read(line) if line else ("", "") for line in lines]
    return of_fields(chunk, found, positions, lines, labelled=form.fields.labelled)


def of_texts(
    chunk: Chunk,
    texts: Sequence[str],
    positions: Sequence[int],
    labels: Sequence[str] | None = None,
) -> Chunk:
    """A chunk with some texts, but for those without a character."""
    if not all(texts):
        kept = [n for n, text in enumerate(texts) if text]
        chunk = chunk._replace(empty=len(texts) - len(kept))
        texts, positions = [texts[n] for n in kept], [positions[n] for n in kept]
        labels = None if labels is None else [labels[n] for n in kept]
    return chunk._replace(texts=texts, positions=positions, labels=labels)


def of_fields(
    chunk: Chunk,
    found: Sequence[Read],
    positions: Sequence[int],
    raw: Sequence[str],
    *,
    labelled: bool,
) -> Chunk:
    """A chunk with the texts of fields.

    Args:
        chunk: with the records that are bad for other reasons.
        found: what was read of each.
        positions: of each.
        raw: what the quarantine shows of each.
        labelled: whether the values for classes have a meaning.
    """
    good = [n for n, one in enumerate(found) if not isinstance(one, str)]
    bad = [
        Bad(positions[n], one, raw[n].encode(errors="replace")[:RAW_BYTES])
        for n, one in enumerate(found)
        if isinstance(one, str)
    ]
    chunk = chunk._replace(bad=sorted([*chunk.bad, *bad], key=lambda b: b.position))
    texts, labels = [found[n][0] for n in good], [found[n][1] for n in good]
    return of_texts(chunk, texts, [positions[n] for n in good], labels if labelled else None)


def _good_lines(data: bytes, most: int) -> tuple[list[str], list[int], list[Bad]]:
    lines, positions, bad = [], [], []
    for position, line in enumerate(data.split(b"\n")):
        if (reason := fault(line, most)) is None:
            lines.append(line.decode())
            positions.append(position)
        else:
            bad.append(Bad(position, reason, line[:RAW_BYTES]))
    return lines, positions, bad


def _text(data: bytes) -> str | None:
    """Bytes as text; None where a line of them is bad."""
    if b"\0" in data:
        return None
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _longest(data: bytes) -> int:
    """The length of the longest line in bytes."""
    return max(map(len, data.split(b"\n")))


def _kept_lines(data: bytes) -> list[bytes]:
    """The lines with the line feeds at their ends."""
    lines = [line + b"\n" for line in data.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    return lines if lines[-1] else lines[:-1]
