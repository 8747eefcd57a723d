"""Cuts a text that is one document into parts.

Part `i` of a file begins at its first good place at or after the byte i * `part_bytes`, counted after
decompression: after a line feed, or else a blank, or else between two characters, and not far from
there. Best is a single line feed between two letters: tokenizers that join neighbours do not join over
it, so that the tokens of the parts are those of the whole.
"""

import re
from collections.abc import Iterator
from typing import Any

WINDOW = 1 << 16  # how far from there at most; no farther than the next part
READ_BYTES = 1 << 20
_BEST = re.compile(rb"(?<=[^\s])\n(?=[^\s\x80-\xff])")


def part_blocks(stream: Any, part_bytes: int) -> Iterator[bytes]:
    """The parts of a stream in order, and at its end an empty one."""
    buffer, offset, number, more = b"", 0, 0, True
    window = min(WINDOW, part_bytes)
    while more or buffer:
        wanted = (number + 1) * part_bytes - 1 + window - offset
        while more and len(buffer) < wanted:
            data = bytes(stream.read(READ_BYTES))
            more = bool(data)
            buffer += data
        at = (number + 1) * part_bytes - 1 - offset
        end = len(buffer) if at >= len(buffer) else at + _cut(buffer[at : at + window])
        yield buffer[:end]
        buffer, offset, number = buffer[end:], offset + end, number + 1
        if not end:
            return
    if number == 0 or offset:
        yield b""


def read_part(file: Any, number: int, part_bytes: int) -> bytes:
    """One part of a file that can be read anywhere."""
    start, end = (_start(file, n, part_bytes) for n in (number, number + 1))
    file.seek(start)
    return bytes(file.read(end - start))


def _start(file: Any, number: int, part_bytes: int) -> int:
    """Where a part begins."""
    offset, size = number * part_bytes, int(file.size())
    if offset == 0 or offset - 1 >= size:
        return min(offset, size)
    file.seek(offset - 1)
    return offset - 1 + _cut(bytes(file.read(min(WINDOW, part_bytes))))


def _cut(window: bytes) -> int:
    """Where to cut a window, after its first byte or later."""
    best = _BEST.search(window)
    if best:
        return best.end()
    for mark in (b"\n", b" "):
        if (at := window.find(mark)) >= 0:
            return at + 1
    at = 1
    while at < len(window) and window[at] & 0xC0 == 0x80:
        at += 1
    return at
