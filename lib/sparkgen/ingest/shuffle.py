"""Shuffles any number of rows by a seed, row by row, without a sort or a table in memory.

A Feistel network over 2k bits is a permutation of [0, 4^k). With the least such domain that holds
[0, n), a value that falls outside is sent through again until it lands inside ("cycle walking",
Black and Rogaway, "Ciphers with Arbitrary Finite Domains", 2002): a permutation of [0, n). The
domain has at most 4n values, so a row takes at most four passes on average.
"""

import numpy as np
import numpy.typing as npt

from sparkgen.noise import Stream, generator

IntArray = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

ROUNDS = 8


def shuffled(ids: npt.ArrayLike, length: int, *, seed: int) -> IntArray:
    """Where each row goes in the shuffled order: a permutation of [0, length), point by point.

    Args:
        ids: int (B,), each in [0, length).
        length: rows in all.
        seed: chooses the permutation.

    Returns:
        int64 (B,), each in [0, length).
    """
    half_bits = max(1, (max(length - 1, 1).bit_length() + 1) // 2)
    keys = generator(seed, Stream.INGEST, "shuffle").integers(0, 2**64, ROUNDS, dtype=np.uint64)
    values = np.array(ids, dtype=np.uint64)
    outside = np.arange(values.size)
    while outside.size:
        values[outside] = _network(values[outside], half_bits, keys)
        outside = outside[values[outside] >= length]
    return values.astype(np.int64)


def _network(values: Words, half_bits: int, keys: Words) -> Words:
    shift, mask = np.uint64(half_bits), np.uint64((1 << half_bits) - 1)
    left, right = values >> shift, values & mask
    for key in keys:
        left, right = right, left ^ (_mix(right ^ key) & mask)
    return (left << shift) | right


def _mix(words: Words) -> Words:
    """The finaliser of SplitMix64 (Steele, Lea, Flood 2014): every bit depends on every bit."""
    words = (words ^ (words >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    words = (words ^ (words >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return words ^ (words >> np.uint64(31))
