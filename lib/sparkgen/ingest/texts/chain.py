"""Joins the documents of a split, and cuts records from their tokens.

Record k of a split is its tokens [k * L, (k + 1) * L], both included, where a record has L + 1:
neighbours share a token, so that each token but the first is once the one to predict. The last record is
filled up with padding. The tokens of a split lie in scratch files, in order, which no task reads whole.
"""

import json
import uuid
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from itertools import accumulate
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.storage import new_file, open_uri
from sparkgen.datasets.tokens import TokenRecord
from sparkgen.ingest.block import Bad, Block, Records, block_rows
from sparkgen.ingest.texts.chunk import Chunk, ChunkShare, Key
from sparkgen.ingest.texts.divide import Piece
from sparkgen.ingest.texts.encode import Encoder
from sparkgen.ingest.texts.plan import Plan

BLOCK_RECORDS = 4096
STORED = np.dtype("<i4")


class Run(NamedTuple):
    """Tokens of one chunk and split: `tokens` of them in a file, from the byte `offset` on."""

    split: str
    key: Key
    uri: str
    offset: int
    tokens: int
    documents: int


class Rest(NamedTuple):
    """What of a chunk is no token: its lines, how many of its texts are good, where its bad ones lie."""

    key: Key
    length: int
    units: int
    bad_uri: str
    bad_offset: int
    bad_bytes: int


def encode_share(share: ChunkShare, plan: Plan, scratch: str) -> Iterator[Run | Rest]:
    """Writes the tokens of a share's chunks to a file for each split, and its bad records to another."""
    encoder, name = plan.encoder, uuid.uuid4().hex
    with ExitStack() as stack:
        files = _Files(stack, f"{scratch}/{name}")
        for chunk in share.chunks():
            bad, units = list(chunk.bad), 0
            for piece in plan.division.pieces(chunk):
                found = _encoded(chunk, piece, plan, encoder)
                bad += found.bad
                units += found.units
                tokens = found.tokens
                uri, offset = files.write(piece.split, tokens.astype(STORED).tobytes())
                yield Run(piece.split, chunk.key, uri, offset, len(tokens), found.documents)
            data = _to_json(sorted(bad, key=lambda b: b.position)) if bad else b""
            uri, offset = files.write("bad", data) if bad else ("", 0)
            yield Rest(chunk.key, chunk.length, units, uri, offset, len(data))


class _Files:
    """Files that are opened when something is first written to them."""

    def __init__(self, stack: ExitStack, prefix: str) -> None:
        self._stack, self._prefix = stack, prefix
        self._open: dict[str, Any] = {}
        self._sizes: dict[str, int] = {}

    def write(self, name: str, data: bytes) -> tuple[str, int]:
        """Appends to a file; its URI, and where in it the data begin."""
        uri = f"{self._prefix}-{name}"
        if name not in self._open:
            self._open[name] = self._stack.enter_context(new_file(uri))
            self._sizes[name] = 0
        self._open[name].write(data)
        offset = self._sizes[name]
        self._sizes[name] += len(data)
        return uri, offset


class _Found(NamedTuple):
    """The tokens of a piece, its bad texts, and how many units and ends of documents are in it."""

    tokens: npt.NDArray[np.int32]
    bad: list[Bad]
    units: int
    documents: int


def _encoded(chunk: Chunk, piece: Piece, plan: Plan, encoder: Encoder) -> _Found:
    texts, positions = piece.texts, [chunk.positions[n] for n in piece.numbers]
    tokens, numbers, bad = encoder.encode(texts, positions)
    if bad and chunk.part:  # then only the lines with what has no tokens are bad
        lines = _lines_of(texts, positions)
        texts = [line for _, line in lines]
        tokens, numbers, bad = encoder.encode(texts, [position for position, _ in lines])
    end = [] if plan.end is None else [np.array([plan.end], np.int32)]
    if chunk.part:
        parts = [*tokens, *(end if piece.ends else [])]
        units, documents = sum(texts[n].count("\n") for n in numbers), int(piece.ends)
        units = max(units, 1) if numbers else 0
    else:
        parts = [some for found in tokens for some in (found, *end)]
        units = documents = len(numbers)
    joined = np.concatenate(parts) if parts else np.zeros(0, np.int32)
    return _Found(joined, bad, units, documents)


def _lines_of(texts: Sequence[str], positions: Sequence[int]) -> list[tuple[int, str]]:
    """The lines of texts with the line feeds at their ends, and their numbers."""
    found = []
    for text, position in zip(texts, positions, strict=True):
        lines = text.split("\n")
        kept = [f"{line}\n" for line in lines[:-1]] + [lines[-1]] * bool(lines[-1])
        found += [(position + n, line) for n, line in enumerate(kept)]
    return found


class RestShare(NamedTuple):
    """The bad records of some chunks, and how many lines and documents these have."""

    rests: tuple[Rest, ...]
    record: TokenRecord

    def blocks(self) -> Iterator[Block]:
        none = np.zeros((0, self.record.size), self.record.dtype)
        for rest in self.rests:
            bad = []
            if rest.bad_bytes:
                bad = _from_json(_read(rest.bad_uri, rest.bad_offset, rest.bad_bytes))
            records = Records(np.zeros(0, np.int32), none, bad, rest.length, documents=rest.units)
            yield Block(*rest.key, records)


class ChainShare(NamedTuple):
    """Some blocks of a split's tokens: the blocks from `first` on, below `stop`.

    `runs` are those that these blocks are in, `start` is the number of the first token of them. `file` is
    one that no source file has.
    """

    split: str
    file: int
    runs: tuple[Run, ...]
    start: int
    first: int
    stop: int
    record: TokenRecord

    def blocks(self) -> Iterator[Block]:
        rows = block_rows(BLOCK_RECORDS, self.record.row_bytes)
        stride = rows * (self.record.size - 1)
        for number in range(self.first, self.stop):
            tokens = self._tokens(number * stride, stride + 1)
            yield Block(self.split, self.file, number, records_of(tokens, self.record))

    def _tokens(self, first: int, count: int) -> npt.NDArray[np.int32]:
        """Some tokens of the split, fewer at its end."""
        parts, at = [], self.start
        for run in self.runs:
            begin, end = max(first, at), min(first + count, at + run.tokens)
            if begin < end:
                offset = run.offset + (begin - at) * STORED.itemsize
                data = _read(run.uri, offset, (end - begin) * STORED.itemsize)
                parts.append(np.frombuffer(data, STORED))
            at += run.tokens
        return np.concatenate(parts)


def chain_shares(
    split: str, file: int, runs: Sequence[Run], record: TokenRecord, *, tasks: int
) -> list[ChainShare]:
    """The records of one split, for about as many tasks as there are cores.

    Args:
        split: its name.
        file: a number that no source file of the split has.
        runs: of the split, in order.
        record: the form of records.
        tasks: how many run at a time.
    """
    total = sum(run.tokens for run in runs)
    if not total:
        return []
    length = record.size - 1
    stride = block_rows(BLOCK_RECORDS, record.row_bytes) * length
    blocks = -(-max(total - 1, 1) // stride)
    each = max(1, -(-blocks // tasks))
    ends = list(accumulate(run.tokens for run in runs))
    shares = []
    for first in range(0, blocks, each):
        stop = min(first + each, blocks)
        within = [
            n
            for n, (run, end) in enumerate(zip(runs, ends, strict=True))
            if end > first * stride and end - run.tokens <= stop * stride
        ]
        start = ends[within[0]] - runs[within[0]].tokens
        some = tuple(runs[n] for n in within)
        shares.append(ChainShare(split, file, some, start, first, stop, record))
    return shares


def records_of(tokens: npt.NDArray[np.int32], record: TokenRecord) -> Records:
    """The records of one block.

    Args:
        tokens: one or more.
        record: the form of records.
    """
    length = record.size - 1
    count = max(1, -(-(len(tokens) - 1) // length))
    padded = np.full(count * length + 1, record.padding, record.dtype)
    padded[: len(tokens)] = tokens
    data = np.lib.stride_tricks.sliding_window_view(padded, length + 1)[::length]
    return Records(np.zeros(count, np.int32), data, [], 0, documents=0)


def _read(uri: str, offset: int, size: int) -> bytes:
    filesystem, path = open_uri(uri)
    with filesystem.open_input_file(path) as file:
        return bytes(file.read_at(size, offset))


def _to_json(bad: Sequence[Bad]) -> bytes:
    return json.dumps([[b.position, b.reason, b.record.hex()] for b in bad]).encode()


def _from_json(data: bytes) -> list[Bad]:
    return [Bad(position, why, bytes.fromhex(found)) for position, why, found in json.loads(data)]
