"""The changes of words by the gradient: those of which the loss should grow most, to first order.

Where word i becomes v of the vocabulary, the loss L grows by about (e_v - e_i) · dL/de_i, with e the
vectors of tokens (Ebrahimi et al., "HotFlip: White-Box Adversarial Examples for Text Classification",
2018). Words are changed that are one token each, for tokens that are words.

Shape suffixes: T tokens, E numbers of a vector, V vocabulary.
"""

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.models.language._attack import Constraints, near
from sparkgen.models.language._spelling import LEVENSHTEIN, Words

Array = npt.NDArray[Any]
ESTIMATES = 4096
"""The best estimates that are looked at."""
SPACES = (" ", "▁", "Ġ")
"""By which the names of tokens begin that stand after a space."""


class Flips:
    """The changes of words.

    Args:
        tokenizer: of the texts.
    """

    def __init__(self, tokenizer: Tokenizer) -> None:
        self.tokenizer = tokenizer
        self.forms = [tokenizer.decode([token]).strip() for token in range(tokenizer.size)]
        names = (tokenizer.name(token) for token in range(tokenizer.size))
        self.spaced = np.array([name.startswith(SPACES) for name in names])
        self.usable = np.array([form.isalpha() for form in self.forms])
        spelling = Words(self.forms)
        self.distances = lru_cache(maxsize=4096)(lambda word: spelling.distances(word, LEVENSHTEIN))

    def estimates(
        self,
        words: Sequence[str],
        constraints: Constraints,
        vectors_VE: Array,
        slope_TE: Array,
    ) -> Iterator[tuple[int, str]]:
        """Numbers of words and others for them, by how much the loss should grow, the most first.

        Only those come that leave the text within the constraint on characters.

        Args:
            words: in place of the text's.
            constraints: on the text.
            vectors_VE: of all tokens.
            slope_TE: the gradient of the loss by the vectors of the tokens of these words.
        """
        text = constraints.text
        places = list(self._places(words, text.written(words), len(slope_TE)))
        left = (constraints.characters - constraints.changed_characters(words)) * text.length
        gains = []
        for n, at, token in places:
            gain_V = (vectors_VE - vectors_VE[token]) @ slope_TE[at]
            # What this word was changed by already counts no more when it changes again.
            reach = left + near(text.words[n], words[n])
            allowed_V = self._allowed(text.words[n], token, reach) & (gain_V > 0)
            gains.append(np.where(allowed_V, gain_V, -np.inf))
        gain = np.concatenate([np.zeros(0), *gains])
        for best in np.argsort(-gain, kind="stable")[:ESTIMATES].tolist():
            if gain[best] == -np.inf:
                return
            place, token = divmod(best, len(self.forms))
            yield places[place][0], self.forms[token]

    def _allowed(self, word: str, token: int, reach: float) -> Array:
        """Which tokens may stand for one, in so many edits of the word of the given text: (V,)."""
        alike_V = self.usable & (self.spaced == self.spaced[token])
        return alike_V & (self.distances(word) <= reach + 1e-9)

    def _places(
        self, words: Sequence[str], written: str, length: int
    ) -> Iterator[tuple[int, int, int]]:
        """The words that are one token each: their number, the place of the token, and the token."""
        starts, at = {}, 0
        for n, word in enumerate(words):
            at = written.index(word, at)
            starts[at] = (n, at + len(word))
            at += len(word)
        for place, (token, start, stop) in enumerate(self.tokenizer.spans(written)[:length]):
            piece = written[start:stop]
            begin = start + len(piece) - len(piece.lstrip())
            if starts.get(begin, (0, -1))[1] == stop:
                yield starts[begin][0], place, token
