"""What both ways of decoding share: prompts in a buffer, limits, and what of them is tensors.

Shape suffixes: B rows, L positions of the buffer, S stop sequences of at most M tokens, V tokens of the
vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.decoding.protocol import Stateful

Tensor = Any
Tokens = npt.NDArray[np.int32]
LONGEST_PROMPT = 4096
MOST_TOKENS = 4096
"""How many tokens can be drawn."""
MOST_STOPS = 8
LONGEST_STOP = 32
"""Tokens of a stop sequence."""
ANY, NONE = -1, -2
"""In a stop sequence: what every token fits, and what none does."""


class Limits(NamedTuple):
    """Where texts end: numbers, or tensors."""

    tokens: Tensor = MOST_TOKENS
    """How many are drawn at most, from 1."""
    end: Tensor = NONE
    """The token that ends a text, and is left out of it; `NONE`: there is none."""
    stops: Tensor = ()
    """Sequences of tokens after which a text ends; as a tensor int32 (S, M)."""

    def tensors(self) -> "Limits":
        """The limits as int32 tensors of fixed shapes.

        Raises:
            ValueError: there are too many stop sequences, or too long ones.
        """
        values = (self.tokens, self.end, stop_table(self.stops))
        return Limits(*(ops.convert_to_tensor(one, "int32") for one in values))


class Prompts(NamedTuple):
    """Prompts of different lengths, tensors."""

    tokens: Tensor
    """int32 (B, L); after a prompt stands the number of tokens in the vocabulary."""
    lengths: Tensor
    """int32 (B,), each at least 1."""


def batch_of(prompts: Sequence[Tokens], network: Stateful, length: int) -> Prompts:
    """Prompts in a buffer for texts of `length` tokens, with the columns that a last chunk reads too."""
    tokens = np.full((len(prompts), length + max(network.chunk, 1)), network.vocabulary, np.int32)
    for row, prompt in enumerate(prompts):
        tokens[row, : len(prompt)] = prompt
    lengths = np.array([len(prompt) for prompt in prompts], np.int32)
    return Prompts(ops.convert_to_tensor(tokens), ops.convert_to_tensor(lengths))


def stop_table(stops: Sequence[Sequence[int]]) -> Tokens:
    """Stop sequences as a table (S, M) of a fixed shape.

    Raises:
        ValueError: there are too many, one is too long, or empty.
    """
    if len(stops) > MOST_STOPS:
        raise ValueError(f"expected at most {MOST_STOPS} stop sequences, found {len(stops)}")
    table = np.full((MOST_STOPS, LONGEST_STOP), ANY, np.int32)
    table[len(stops) :] = NONE
    for row, stop in enumerate(stops):
        if not 1 <= len(stop) <= LONGEST_STOP:
            raise ValueError(
                f"expected 1 to {LONGEST_STOP} tokens in a stop sequence, found {len(stop)}"
            )
        table[row, LONGEST_STOP - len(stop) :] = stop
    return table


def stopped(tokens_BL: Tensor, at: Tensor, number_B: Tensor, stops_SM: Tensor) -> Tensor:
    """Whether what was drawn of each row, number_B + 1 tokens up to `at`, ends with a stop sequence."""
    back_M = ops.arange(stops_SM.shape[1] - 1, -1, -1)
    last_BM = ops.take(tokens_BL, ops.maximum(at - back_M, 0), axis=1)
    last_BM = ops.where(back_M[None] <= number_B[:, None], last_BM, NONE - 1)
    fits_BSM = ops.logical_or(last_BM[:, None] == stops_SM[None], stops_SM[None] == ANY)
    return ops.any(ops.all(fits_BSM, axis=-1), axis=-1)


def seen_in(tokens_BL: Tensor, lengths_B: Tensor, vocabulary: int) -> Tensor:
    """Which tokens prompts have: bool (B, V)."""
    seen = ops.zeros((tokens_BL.shape[0], vocabulary + 1), "bool")

    def mark(at: Tensor, seen: Tensor) -> Tensor:
        token_B = ops.where(at < lengths_B, column(tokens_BL, at), vocabulary)
        return marked(seen, token_B)

    return ops.fori_loop(0, ops.max(lengths_B), mark, seen)[:, :vocabulary]


def marked(seen_BV: Tensor, token_B: Tensor) -> Tensor:
    """`seen` with one more token of each row."""
    rows = seen_BV.shape[0]
    where_B2 = ops.stack([ops.arange(rows, dtype="int32"), token_B], axis=-1)
    return ops.scatter_update(seen_BV, where_B2, ops.ones((rows,), "bool"))


def new_tokens(tokens_BL: Tensor, lengths_B: Tensor, most: int) -> Tensor:
    """What stands after the prompts: (B, most)."""
    at_BN = lengths_B[:, None] + ops.arange(most)[None]
    return ops.take_along_axis(tokens_BL, at_BN, axis=1)


def column(tokens_BL: Tensor, at: Tensor) -> Tensor:
    """The tokens at a position: (B,)."""
    return ops.slice(tokens_BL, (0, at), (tokens_BL.shape[0], 1))[:, 0]


def entry(x_BN: Tensor, index_B: Tensor) -> Tensor:
    """An entry of each row: (B,)."""
    return ops.take_along_axis(x_BN, index_B[:, None], axis=1)[:, 0]


def loop(goes_on: Callable[[Any], Tensor], body: Callable[[Any], Any], now: Any) -> Any:
    """The state, a named tuple, after as many turns of `body` as `goes_on` lets it take."""
    kind = type(now)
    return kind(
        *ops.while_loop(lambda *s: goes_on(kind(*s)), lambda *s: tuple(body(kind(*s))), tuple(now))
    )
