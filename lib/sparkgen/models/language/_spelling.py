"""How far a word is from each of many others in edits of single characters.

Damerau, "A technique for computer detection and correction of spelling errors", 1964: a character is
inserted, deleted or substituted, or two neighbours change places. The least sum of the costs of such
edits is computed by dynamic programming (Wagner and Fischer, "The String-to-String Correction Problem",
1974), for all words at once; no character is edited twice.

Shape suffixes: N words, L characters, C places of letters.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


class Costs(NamedTuple):
    """What each edit costs that makes the written word of the meant one."""

    insertion: float = 1.0
    deletion: float = 1.0
    substitution: float = 1.0
    transposition: float = 2.0
    """2 where all others are 1, as Levenshtein (1966) has it."""


BAGS = 32
LEVENSHTEIN = Costs()


class Words:
    """Words as arrays of their characters.

    Args:
        words: N of them.
    """

    def __init__(self, words: Sequence[str]) -> None:
        self.words = tuple(words)
        self.lengths = np.array([len(word) for word in words], np.int64)
        width = int(self.lengths.max(initial=0))
        self.letters_NL = np.zeros((len(words), width), np.int32)
        for row_L, word in zip(self.letters_NL, words, strict=True):
            row_L[: len(word)] = [ord(letter) for letter in word]
        self.bags_NC = np.array([_bag(word) for word in words], np.int16).reshape(-1, BAGS)

    def distances(self, written: str, costs: Costs, *, within: int = 255) -> Array:
        """The cost of what makes a written word of each of the words: (N,).

        Args:
            written: the word.
            costs: of the edits.
            within: words are infinitely far whose length, or whose letters in any order, say that more
                edits are needed.
        """
        # An edit changes how often two letters are there, each by one, at most.
        letters = np.abs(self.bags_NC - _bag(written)).sum(axis=1)
        differ = np.abs(self.lengths - len(written))
        near = np.flatnonzero((differ <= within) & (letters <= 2 * within))
        found = np.full(len(self.words), np.inf)
        if near.size:
            lengths = self.lengths[near]
            letters_LN = np.ascontiguousarray(self.letters_NL[near, : lengths.max()].T)
            whole = _table(written, letters_LN, costs)
            found[near] = whole[lengths, np.arange(near.size)]
        return found


def _bag(word: str) -> npt.NDArray[np.int16]:
    """How often letters are in a word, of those that share a place together: (C,)."""
    return np.bincount([ord(letter) % BAGS for letter in word], minlength=BAGS).astype(np.int16)


def _table(written: str, letters_LN: npt.NDArray[np.int32], costs: Costs) -> Array:
    """The costs between a written word and all beginnings of words: (L + 1, N)."""
    length, count = letters_LN.shape
    start = np.arange(length + 1, dtype=np.float64)[:, None] * costs.deletion
    before, last = np.empty(0), np.repeat(start, count, axis=1)
    for i, letter in enumerate(map(ord, written)):
        same_LN = letters_LN == letter
        now = np.empty_like(last)
        now[0] = (i + 1) * costs.insertion
        now[1:] = np.minimum(
            last[:-1] + np.where(same_LN, 0.0, costs.substitution), last[1:] + costs.insertion
        )
        if i:
            crossed = same_LN[:-1] & (letters_LN[1:] == ord(written[i - 1]))
            swapped = np.where(crossed, before[:-2] + costs.transposition, np.inf)
            now[2:] = np.minimum(now[2:], swapped)
        for j in range(1, length + 1):
            np.minimum(now[j], now[j - 1] + costs.deletion, out=now[j])
        before, last = last, now
    return last


def distance(one: str, other: str) -> int:
    """The Levenshtein distance of two words: insertions, deletions and substitutions."""
    return int(Words([one]).distances(other, LEVENSHTEIN)[0])
