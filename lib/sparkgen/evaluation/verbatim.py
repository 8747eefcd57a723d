"""Finds the longest runs of bytes that texts have in common with another text.

Windows of one length are compared by a rolling hash, modulo 2^64; the longest length with an equal window
is found by doubling it, then by bisection, since a run has runs of every smaller length in it.
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

BASE = 0x9E3779B97F4A7C15  # odd, so that it has an inverse
SHORTEST = 8
"""Bytes; shorter runs stand in every text, and count as 0."""

Hashes = npt.NDArray[np.uint64]


def longest_runs(text: bytes, queries: Sequence[bytes]) -> npt.NDArray[np.int64]:
    """The length in bytes of the longest run of each query that also stands in a text: int64 (Q,)."""
    of_text, of_queries = _windows(text), [_windows(query) for query in queries]
    sizes = np.array([len(query) for query in queries], np.int64)
    low = np.zeros(len(queries), np.int64)  # a run of this length was found
    high = np.where(
        sizes < SHORTEST, 1, np.minimum(sizes, len(text)) + 1
    )  # none of this length is there
    doubling = np.ones(len(queries), bool)
    while (left := np.flatnonzero(low + 1 < high)).size:
        doubled = np.minimum(np.maximum(2 * low, SHORTEST), high - 1)
        lengths = np.where(doubling, doubled, (low + high) // 2)
        for length in np.unique(lengths[left]).tolist():
            those = left[lengths[left] == length]
            found = _any_among(of_text(length), [of_queries[i](length) for i in those])
            low[those[found]] = length
            high[those[~found]] = np.where(low[those[~found]] > 0, length, 1)
            doubling[those[~found]] = False
    return low


def _windows(data: bytes) -> Callable[[int], Hashes]:
    """Gives the hashes of all windows of a length of some bytes."""
    count = len(data)
    with np.errstate(over="ignore"):
        powers = np.cumprod(np.full(count, BASE, np.uint64)) if count else np.zeros(0, np.uint64)
        backwards = np.full(count, pow(BASE, -1, 2**64), np.uint64)
        inverse = np.cumprod(backwards) if count else backwards
        letters = np.frombuffer(data, np.uint8).astype(np.uint64) + np.uint64(1)
        upto = np.concatenate([np.zeros(1, np.uint64), np.cumsum(_mixed(letters) * powers)])

    def of_length(length: int) -> Hashes:
        with np.errstate(over="ignore"):
            hashes: Hashes = (upto[length:] - upto[:-length]) * inverse[: count - length + 1]
        return hashes

    return of_length


def _mixed(letters: Hashes) -> Hashes:
    """Large odd-looking numbers for the letters, as polynomials of small ones collide modulo 2^64."""
    x = letters * np.uint64(0xBF58476D1CE4E5B9)
    x ^= x >> np.uint64(27)
    x = x * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _any_among(hashes: Hashes, queries: Sequence[Hashes]) -> npt.NDArray[np.bool_]:
    """For each query, none of them empty, whether one of its hashes is among some: bool (Q,)."""
    together = np.concatenate(queries)
    wanted = np.unique(together)
    places = np.minimum(np.searchsorted(wanted, hashes), len(wanted) - 1)
    there = np.unique(wanted[places[wanted[places] == hashes]])
    edges = np.cumsum([0, *(len(query) for query in queries)])[:-1]
    return np.logical_or.reduceat(np.isin(together, there), edges)
