"""Cuts text files into blocks of whole lines.

Block `i` of a file holds the lines that start in its bytes [i, i + 1) * `BLOCK_BYTES`, counted
after decompression. Spark's own text source is not used: it moves every line through the JVM and
makes a single partition of a .gz. Here a plain file is read in place, block by block, and a compressed
one by a few tasks, each of which parses every k-th block; nothing is written or sent twice.
"""

from collections import Counter
from collections.abc import Iterator
from itertools import islice
from typing import Any, NamedTuple

from sparkgen.ingest.block import Block
from sparkgen.ingest.files.compressed import Turns, blocks_in_turn, turns
from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.libsvm.parse import label_values, parse_block

BLOCK_BYTES = 4 << 20
READ_BYTES = 1 << 20
MOST_PIECES = 1 << 32  # of a block
BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineShare(NamedTuple):
    """Some blocks of one libsvm file."""

    split: str
    file: int
    uri: str
    rule: LineRule
    turns: Turns

    def blocks(self) -> Iterator[Block]:
        for number, lines in self._texts():
            for piece, records in enumerate(parse_block(lines, self.rule)):
                yield Block(self.split, self.file, number * MOST_PIECES + piece, records)

    def values(self) -> Iterator[Counter[str]]:
        """The whole numbers that lines of each block begin with."""
        for _, lines in self._texts():
            yield label_values(lines)

    def texts(self, most: int) -> Iterator[bytes]:
        """The lines of its first `most` blocks."""
        yield from islice((text for _, text in self._texts()), most)

    def _texts(self) -> Iterator[tuple[int, bytes]]:
        texts = blocks_in_turn(self.uri, self.turns, of_stream=line_blocks, at=read_block)
        for number, text in texts:
            yield number, text.removeprefix(BYTE_ORDER_MARK) if number == 0 else text


def line_shares(
    split: str, file: int, uri: str, *, size: int, rule: LineRule, tasks: int
) -> list[LineShare]:
    """The shares of one file, for about as many tasks as there are cores."""
    blocks = -(-size // BLOCK_BYTES)
    return [LineShare(split, file, uri, rule, some) for some in turns(uri, blocks, tasks=tasks)]


def line_blocks(
    stream: Any, block_bytes: int = BLOCK_BYTES, *, read_bytes: int = READ_BYTES
) -> Iterator[bytes]:
    """All blocks of a stream, in order; one that no line starts in is empty."""
    buffer, offset, end, searched = bytearray(), 0, block_bytes, 0
    while data := stream.read(read_bytes):
        buffer += data
        while (cut := _cut_at(buffer, max(end - offset, searched))) is not None:
            yield bytes(buffer[:cut])
            del buffer[:cut]
            offset, end, searched = offset + cut, end + block_bytes, 0
        searched = len(buffer) + 1
    if buffer:
        yield bytes(buffer)


def read_block(file: Any, number: int, block_bytes: int = BLOCK_BYTES) -> bytes:
    """One block of a file that can be read anywhere."""
    start = _next_line(file, number * block_bytes)
    end = _next_line(file, (number + 1) * block_bytes)
    file.seek(start)
    return bytes(file.read(end - start))


def _cut_at(buffer: bytearray, end: int) -> int | None:
    """The start of the first line that begins at `end` or later; None: it is not in the buffer yet."""
    if end <= 0:
        return 0
    newline = buffer.find(b"\n", end - 1)
    return None if newline < 0 else newline + 1


def _next_line(file: Any, offset: int) -> int:
    """The start of the first line that begins at `offset` or later; the file's size if there is none."""
    if offset == 0 or offset >= file.size():
        return min(offset, file.size())
    position = offset - 1
    file.seek(position)
    while data := file.read(1 << 16):
        if (newline := data.find(b"\n")) >= 0:
            return position + newline + 1
        position += len(data)
    return position
