"""Defines the records that are blocks of tokens.

With a tokenizer, the stored number V, one more than the last token, is padding: what stands after the end
of a text. It is no token: a model predicts V of them, and padding has no part in its loss.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import numpy as np

from sparkgen.datasets.record import Array, Record
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.drawing.texts import one_line, write_texts
from sparkgen.errors import SparkgenError


@dataclass(frozen=True)
class TokenRecord(Record):
    """Blocks of tokens, all of one length: (length,)."""

    tokenizer: Tokenizer | None = None  # type: ignore[misc]  # of the class in other kinds
    """None: the numbers are bytes where there are 256 of them, and else have no meaning as text."""

    kind: ClassVar[str] = "tokens"
    model_dtype: ClassVar[str] = "int32"
    entries: ClassVar[str] = "tokens"
    suffix: ClassVar[str] = ".txt"
    distance: ClassVar[str] = "about the root of the number of tokens that differ"

    def __post_init__(self) -> None:
        if len(self.shape) != 1 or self.shape[0] < 1:
            raise ValueError(f"the shape of tokens must be [length], found {list(self.shape)}")
        if not 2 <= self.values <= 2**31:
            raise ValueError(f"a vocabulary has 2 to 2³¹ tokens, found {self.values}")

    @property
    def padding(self) -> int | None:
        """The stored number that is no token; None: every number is one."""
        return None if self.tokenizer is None else self.values

    @property
    def dtype(self) -> np.dtype[Any]:
        most = self.values - 1 if self.padding is None else self.padding
        return np.min_scalar_type(most).newbyteorder("<")

    def __str__(self) -> str:
        return f"{super().__str__()} and {self.values} values"

    def points(self, stored: Array) -> Array:
        """Each token as 8 numbers of a hash; two different tokens have a root mean square distance of 1.

        So the distance of two blocks says in how many places they differ, not by how much, as a token
        next to another means no similar thing. float32 (N, length * 8).
        """
        # The finaliser of SplitMix64 (Steele et al., 2014), which gives no two tokens the same bytes.
        bits = (stored.astype("<u8") + 1) * np.uint64(0x9E3779B97F4A7C15)
        bits = (bits ^ (bits >> 30)) * np.uint64(0xBF58476D1CE4E5B9)
        bits = (bits ^ (bits >> 27)) * np.uint64(0x94D049BB133111EB)
        bits ^= bits >> 31
        mean_square = 8 * (256**2 - 1) / 6  # of the distance of 8 bytes from 8 others
        numbers = np.ascontiguousarray(bits).view(np.uint8).reshape(len(stored), -1)
        return numbers.astype(np.float32) / np.float32(mean_square**0.5)

    @property
    def copy_distance(self) -> float:
        return 1e-3  # one byte that differs by 1 makes 3e-3

    def to_stored(self, data: Array) -> Array:
        if not np.issubdtype(data.dtype, np.integer):
            raise SparkgenError(f"the model gives tokens as {data.dtype}, and they are integers")
        most = self.values - 1 if self.padding is None else self.padding
        if data.size and not 0 <= data.min() <= data.max() <= most:
            raise SparkgenError(
                f"the model gives tokens from {data.min()} to {data.max()}, and there are those from 0 "
                f"to {most}"
            )
        return data.astype(self.dtype)

    def draw(self, data: Array, path: str | Path, *, title: str = "") -> None:
        """Writes one block per line: as text where the tokens have a meaning, else as numbers."""
        write_texts([self._written(block) for block in data], path, title=title)

    def draw_pairs(self, given: Array, made: Array, path: str | Path, *, title: str = "") -> None:
        self.draw(np.stack([given, made], axis=1).reshape(-1, *self.shape), path, title=title)

    def _written(self, block: Array) -> str:
        if self.tokenizer is not None:
            return one_line(text_of(block, self.tokenizer))
        if self.values != 256:
            return " ".join(map(str, block.tolist()))
        text = block.astype(np.uint8).tobytes().decode("utf-8", errors="backslashreplace")
        return one_line(text)


def text_of(block: Array, tokenizer: Tokenizer) -> str:
    """The text of tokens up to the first padding.

    Args:
        block: (T,).
        tokenizer: theirs.
    """
    ended = np.flatnonzero(block >= tokenizer.size)
    return tokenizer.decode(block[: ended[0]] if ended.size else block)
