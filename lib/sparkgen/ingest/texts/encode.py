"""Makes tokens of texts, and finds the texts that the tokenizer has no tokens for.

Characters are looked up in a table, which gives the tokens of the library, faster.
"""

from collections.abc import Sequence
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.errors import RequestError
from sparkgen.ingest.block import Bad
from sparkgen.ingest.layout import RAW_BYTES

Tokens = npt.NDArray[np.int32]
MOST_POINTS = 0x110000  # of Unicode
NO_TOKENS = "no-tokens"


class Encoded(NamedTuple):
    """The tokens of the texts that have some, their numbers among all, and the bad ones."""

    tokens: list[Tokens]
    numbers: list[int]
    bad: list[Bad]


class Encoder:
    """A tokenizer as the ingest uses it.

    Args:
        tokenizer: of the data set.
        characters: whether its tokens are characters.
    """

    def __init__(self, tokenizer: Tokenizer, *, characters: bool) -> None:
        self.tokenizer = tokenizer
        self.characters = characters

    def encode(self, texts: Sequence[str], positions: Sequence[int]) -> Encoded:
        """The tokens of texts; one with a character that has none is bad, at its position."""
        tokens = self._tokens(texts)
        if all(found is not None for found in tokens):
            return Encoded([t for t in tokens if t is not None], list(range(len(texts))), [])
        good = [n for n, found in enumerate(tokens) if found is not None]
        bad = [
            Bad(positions[n], self._reason(texts[n]), texts[n].encode()[:RAW_BYTES])
            for n, found in enumerate(tokens)
            if found is None
        ]
        return Encoded([t for t in tokens if t is not None], good, bad)

    def _tokens(self, texts: Sequence[str]) -> list[Tokens | None]:
        if self.characters:
            return [self._looked_up(text) for text in texts]
        try:
            return list(self.tokenizer.encode_all(texts, special=False))
        except RequestError:
            return [self._one(text) for text in texts]

    def _one(self, text: str) -> Tokens | None:
        try:
            return self.tokenizer.encode_all([text], special=False)[0]
        except RequestError:
            return None

    def _looked_up(self, text: str) -> Tokens | None:
        points = np.frombuffer(text.encode("utf-32-le"), np.uint32)
        tokens = self._table[points]
        return None if (tokens < 0).any() else tokens

    def _reason(self, text: str) -> str:
        if not self.characters:
            return NO_TOKENS
        first = next(c for c in text if self._table[ord(c)] < 0)
        return f"unknown-character-U+{ord(first):04X}"

    @cached_property
    def _table(self) -> Tokens:
        """The token of each code point; -1: there is none."""
        unknown = self.tokenizer.unknown
        table = np.full(MOST_POINTS, -1 if unknown is None else unknown, np.int32)
        for token in range(self.tokenizer.size):
            if len(name := self.tokenizer.name(token)) == 1:
                table[ord(name)] = token
        return table
