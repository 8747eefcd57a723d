"""What words are, by a tokenizer, and how often they stand beside each other.

A word is the text of a token without the white space at its ends, in lower case: several tokens can be
one. What is white space alone is none.

Shape suffixes: B rows, T tokens, W words and two more.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.models.contract import Statistics
from sparkgen.models.counted import Counts
from sparkgen.models.language._characters import Characters

Array = npt.NDArray[Any]
LETTERS = re.compile(r"[^\W\d_]+(['’-][^\W\d_]+)*")
"""What can be misspelt."""
NONE = -1
"""The number of no word: white space, padding, the end of a text."""


class Unit(NamedTuple):
    """A word of a text, or a mark, and where it stands."""

    start: int
    stop: int
    written: str
    """As it stands in the text, in lower case."""
    word: int
    """Its number, that of the unknown word where it is none of the vocabulary."""


class Vocabulary:
    """The words of a tokenizer.

    Args:
        tokenizer: whose tokens are words.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        special = {tokenizer.unknown, tokenizer.end}
        forms = {
            token: tokenizer.decode([token]).strip().lower()
            for token in range(tokenizer.size)
            if token not in special
        }
        self.tokenizer = tokenizer
        self.words = tuple(sorted({form for form in forms.values() if form}))
        self.number = {word: n for n, word in enumerate(self.words)}
        self.unknown, self.start = len(self.words), len(self.words) + 1
        self.of_token = np.full(tokenizer.size + 1, NONE, np.int64)
        for token, form in forms.items():
            self.of_token[token] = self.number.get(form, NONE)
        if tokenizer.unknown is not None:
            self.of_token[tokenizer.unknown] = self.unknown

    @property
    def size(self) -> int:
        """Of the words, with the unknown one and the start of a text."""
        return len(self.words) + 2

    def units(self, text: str) -> Iterator[Unit]:
        """The words and marks of a text."""
        for token, start, stop in self.tokenizer.spans(text):
            piece = text[start:stop]
            written = piece.strip()
            if written and token != self.tokenizer.end:
                start += piece.index(written)
                form = written.lower()
                number = self.number.get(form, self.unknown)
                yield Unit(start, start + len(written), form, number)

    def count(self, tokens_BT: Array) -> Statistics:
        """`words` (W,), how often each is there, and `pairs`, by `pair_keys`.

        The start of a text counts once a row.
        """
        word_BT = self.of_token[np.minimum(tokens_BT, self.tokenizer.size)]
        rows, length = word_BT.shape
        place_BT = np.where(word_BT == NONE, -1, np.arange(length))
        last_BT = np.maximum.accumulate(place_BT, axis=1)
        last_BT = np.concatenate([np.full((rows, 1), -1), last_BT[:, :-1]], axis=1)
        before_BT = np.take_along_axis(word_BT, np.maximum(last_BT, 0), axis=1)
        before_BT = np.where(last_BT < 0, self.start, before_BT)
        there_BT = word_BT != NONE
        words_W = np.bincount(word_BT[there_BT], minlength=self.size).astype(np.float64)
        words_W[self.start] = rows
        return {
            "words": words_W,
            "pairs": Counts.of(self.pair_keys(before_BT[there_BT], word_BT[there_BT])),
        }

    def pair_keys(self, before: Array, word: Array) -> Array:
        """The numbers of pairs of words, 0 .. W² - 1."""
        return before * self.size + word


class WordModel:
    """Probabilities of words by counts, interpolated with those of single words.

    With c(v, w) of pairs, c(v) of words, and the prior P(w),

        p(w | v) = (c(v, w) + m P(w)) / (c(v) + m)

    (MacKay and Peto, "A Hierarchical Dirichlet Language Model", 1995). P of a known word is its share
    of all; the share p_0 of words that were seen once or are none of the vocabulary is left for unseen
    ones (Good, "The Population Frequencies of Species", 1953), each with the probability of its
    characters.

    Args:
        vocabulary: of the words.
        words_W: counts of words.
        pairs: counts of pairs.
        smoothing: m.
    """

    def __init__(
        self, vocabulary: Vocabulary, words_W: Array, pairs: Counts, smoothing: float
    ) -> None:
        self.vocabulary, self.pairs, self.smoothing = vocabulary, pairs, smoothing
        self.words_W = words_W.astype(np.float64)
        known = self.words_W[: vocabulary.unknown]
        unseen = self.words_W[vocabulary.unknown]
        total = max(known.sum() + unseen, 1.0)
        self.p_unseen = min(0.5, max(1.0, unseen + np.sum(known == 1)) / total)
        self.prior = (1.0 - self.p_unseen) * known / max(known.sum(), 1.0)
        self.characters = Characters(
            word
            for word, count in zip(vocabulary.words, known, strict=True)
            if count and LETTERS.fullmatch(word)
        )

    def prior_unseen(self, word: str) -> float:
        """P of a word that was not seen."""
        return self.p_unseen * float(np.exp(self.characters.log_probability(word)))

    def mean_log_p(self, text: str) -> float:
        """The mean of log p(w | v) over the words of a text, in nats; 0 where it has none."""
        units = list(self.vocabulary.units(text))
        word = np.array([self.vocabulary.start, *(self.known_as(unit.word) for unit in units)])
        prior = np.array([self.prior_of(unit) for unit in units])
        found = [
            self.log_p(word[n : n + 1], word[n + 1 : n + 2], prior[n : n + 1])[0, 0]
            for n in range(len(units))
        ]
        return float(np.mean(found)) if found else 0.0

    def known_as(self, word: int) -> int:
        """The number of a word, that of the unknown one where it was not seen."""
        seen = word < self.vocabulary.unknown and self.prior[word] > 0
        return word if seen else self.vocabulary.unknown

    def prior_of(self, unit: Unit) -> float:
        """P of what is written, as a word that was not seen where it is none that was."""
        word = self.known_as(unit.word)
        if word == self.vocabulary.unknown:
            return self.prior_unseen(unit.written)
        return float(self.prior[word])

    def log_p(self, before: Array, word: Array, prior: Array) -> Array:
        """Log p(w | v) in nats of all pairs: (N, M) of N words before, and M words with their P."""
        counts = self.pair_counts(before[:, None], word[None])
        counts = np.where(word[None] == self.vocabulary.unknown, 0.0, counts)
        m = self.smoothing
        with np.errstate(divide="ignore"):
            return np.log((counts + m * prior) / (self.words_W[before][:, None] + m))

    def pair_counts(self, before: Array, word: Array) -> Array:
        """How often pairs were seen."""
        keys, counts = self.pairs
        wanted = self.vocabulary.pair_keys(before, word)
        if not keys.size:
            return np.zeros(wanted.shape)
        at = np.minimum(np.searchsorted(keys, wanted), keys.size - 1)
        return np.where(keys[at] == wanted, counts[at], 0.0)


def lexicon_of(text: str) -> Mapping[str, float]:
    """The words of a lexicon with their shares: words between white space, commas or semicolons, each
    perhaps with a weight after a colon, as `modi:3`; without it 1.
    """
    weights: dict[str, float] = {}
    for entry in re.split(r"[\s,;]+", text.lower()):
        word, _, weight = entry.partition(":")
        if word:
            weights[word] = weights.get(word, 0.0) + _weight(weight, entry)
    total = sum(weights.values())
    return {word: weight / total for word, weight in weights.items()}


def _weight(written: str, entry: str) -> float:
    try:
        weight = float(written or 1.0)
    except ValueError:
        weight = np.nan
    if not 0 < weight < np.inf:
        raise ValueError(f"expected a weight above 0 after the colon in a lexicon, found {entry}")
    return weight
