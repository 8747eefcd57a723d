"""Makes a record of each text: its tokens, cut at the length of a record, or filled up with padding."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sparkgen.datasets.tokens import TokenRecord
from sparkgen.ingest.block import Bad, Block, Records
from sparkgen.ingest.class_values import UNKNOWN
from sparkgen.ingest.layout import RAW_BYTES
from sparkgen.ingest.texts.chunk import Chunk, ChunkShare
from sparkgen.ingest.texts.divide import Piece
from sparkgen.ingest.texts.encode import Encoder, Tokens
from sparkgen.ingest.texts.plan import Plan

CUT = "cut-text"
"""What `seen` of a block calls the number of its texts that have more tokens than a record."""


class SingleShare(NamedTuple):
    """A share of texts that are a record each."""

    texts: ChunkShare
    plan: Plan

    def blocks(self) -> Iterator[Block]:
        encoder = self.plan.encoder
        for chunk in self.texts.chunks():
            found = {
                piece.split: _records(chunk, piece, self.plan, encoder)
                for piece in self.plan.division.pieces(chunk)
            }
            bad = sorted(
                [*chunk.bad, *(b for records in found.values() for b in records.bad)],
                key=lambda b: b.position,
            )
            own = found.pop(chunk.split, None) or records_of([], [], self.plan)
            own = own._replace(bad=bad, length=chunk.length)
            yield Block(chunk.split, chunk.file, chunk.number, own)
            for split, records in found.items():
                yield Block(split, chunk.file, chunk.number, records._replace(bad=[], length=0))


def _records(chunk: Chunk, piece: Piece, plan: Plan, encoder: Encoder) -> Records:
    positions = [chunk.positions[n] for n in piece.numbers]
    tokens, numbers, bad = encoder.encode(piece.texts, positions)
    labels = _labels(chunk, piece, plan)
    kept = []
    for n, some in zip(numbers, tokens, strict=True):
        if labels[n] == UNKNOWN:
            bad.append(Bad(positions[n], "unknown-label", piece.texts[n].encode()[:RAW_BYTES]))
        else:
            kept.append((labels[n], some))
    records = records_of([some for _, some in kept], [label for label, _ in kept], plan)
    return records._replace(bad=bad)


def _labels(chunk: Chunk, piece: Piece, plan: Plan) -> list[int]:
    if plan.classes is None or chunk.labels is None:
        return [0] * len(piece.texts)
    return [plan.classes.label(chunk.labels[n]) for n in piece.numbers]


def records_of(tokens: Sequence[Tokens], labels: Sequence[int], plan: Plan) -> Records:
    """The records of some texts.

    Args:
        tokens: of each.
        labels: of each.
        plan: says how long a record is, and what ends a text.
    """
    record = TokenRecord((plan.length,), plan.tokenizer.size, plan.tokenizer)
    data = np.full((len(tokens), plan.length), record.padding, record.dtype)
    cut = 0
    for row, some in zip(data, tokens, strict=True):
        if plan.end is not None:
            some = np.append(some, plan.end)
        row[: len(some)] = some[: plan.length]
        cut += len(some) > plan.length
    seen = {CUT: cut} if cut else None
    return Records(np.array(labels, np.int32).reshape(-1), data, [], 0, seen)
