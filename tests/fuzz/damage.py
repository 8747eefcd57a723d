"""Damage to bytes, as Hypothesis draws it: few edits, so that most of an input stays what it was."""

from hypothesis import strategies as st

INTERESTING = [
    b"",
    b"\0",
    b"\xff",
    b"\n",
    b" ",
    b"-1",
    b"NaN",
    b"1e999",
    b"\xff\xff\xff\xff",
    b"\0" * 512,
]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """One of the seeds with one to four edits: bits, bytes, pieces cut, doubled, moved or foreign."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(1, 4))):
        data = draw(edited(data, seeds))
    return data


@st.composite
def edited(draw: st.DrawFn, data: bytes, seeds: list[bytes]) -> bytes:
    """Bytes after one edit."""
    start = draw(st.integers(0, len(data)))
    stop = min(len(data), start + draw(st.one_of(st.integers(0, 16), st.integers(0, len(data)))))
    before, piece, after = data[:start], data[start:stop], data[stop:]
    kind = draw(st.sampled_from(["bit", "truncate", "cut", "double", "write", "insert", "splice"]))
    if kind == "bit" and after:
        return data[:stop] + bytes([after[0] ^ (1 << draw(st.integers(0, 7)))]) + after[1:]
    if kind == "truncate":
        return before
    if kind == "cut":
        return before + after
    if kind == "double":
        return before + piece + piece + after
    if kind == "splice":
        return before + draw(st.sampled_from(seeds))[start:]
    new = draw(st.one_of(st.sampled_from(INTERESTING), st.binary(max_size=16)))
    return before + new + (data[start + len(new) :] if kind == "write" else data[start:])
