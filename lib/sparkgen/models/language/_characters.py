"""The probability of a word that was never seen, by its characters.

An n-gram model of the characters of known words, each counted once, as unseen words are like the rare
ones. It is interpolated after Witten and Bell, "The Zero-Frequency Problem", 1991: with c(h, a) the
times that a follows the characters h, and T(h) the number of different characters that do,

    p(a | h) = (c(h, a) + T(h) p(a | h')) / (c(h) + T(h)),

where h' is h without its first character; at last all characters are equally likely.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Iterable

END = "\n"
CHARACTERS = 128
"""How many there are, about, for what was never seen of them."""


class Characters:
    """The n-gram model of the characters of words.

    Args:
        words: that are known.
        order: characters of an n-gram.
    """

    def __init__(self, words: Iterable[str], order: int = 5) -> None:
        self.order = order
        self.following: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for word in words:
            for before, letter in self._steps(word):
                for start in range(len(before) + 1):
                    self.following[before[start:]][letter] += 1
        self.totals = {before: counts.total() for before, counts in self.following.items()}

    def log_probability(self, word: str) -> float:
        """In nats."""
        return sum(math.log(self._p(letter, before)) for before, letter in self._steps(word))

    def _steps(self, word: str) -> Iterable[tuple[str, str]]:
        """The characters of a word and its end, each with those before it."""
        whole = f"{END}{word}{END}"
        for at in range(1, len(whole)):
            yield whole[max(0, at - self.order + 1) : at], whole[at]

    def _p(self, letter: str, before: str) -> float:
        p = 1.0 / CHARACTERS
        for start in range(len(before), -1, -1):
            counts = self.following.get(before[start:])
            if counts is not None:
                kinds = len(counts)
                p = (counts[letter] + kinds * p) / (self.totals[before[start:]] + kinds)
        return p
