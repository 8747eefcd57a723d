"""Texts that follow prompts, token by token, in one compiled loop.

Lengths, limits and settings are tensors, so that one trace serves all their values. A row's tokens depend
on its own prompt and noise alone, bit for bit, whatever stands beside it in the batch.

Shape suffixes: B rows, L positions of the buffer, N tokens to draw at most, S stop sequences of at most
M tokens.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.decoding.choice import Choice, choose
from sparkgen.decoding.protocol import State, Stateful
from sparkgen.decoding.window import beginning, filled, moves_by
from sparkgen.layers.compiled import compiled

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
        numbers = (ops.convert_to_tensor(one, "int32") for one in (self.tokens, self.end))
        return Limits(*numbers, ops.convert_to_tensor(stop_table(self.stops), "int32"))


class Prompts(NamedTuple):
    """Prompts of different lengths, tensors."""

    tokens_BL: Tensor
    """int32; after a prompt stands the number of tokens in the vocabulary."""
    lengths_B: Tensor
    """int32, each at least 1."""


class Drawn(NamedTuple):
    """The state of the loop."""

    at: Tensor
    tokens_BL: Tensor
    state: State
    seen_BV: Tensor
    ended_B: Tensor


class Decoder:
    """Draws texts with a network.

    Args:
        network: gives the logits.
        most: tokens that can be drawn, N.
        prompt: tokens of the longest prompt that can be given.
    """

    def __init__(
        self, network: Stateful, *, most: int = MOST_TOKENS, prompt: int = LONGEST_PROMPT
    ) -> None:
        self.network, self.most, self.prompt = network, most, prompt
        self.compiled = compiled(self._drawn)

    def draw(
        self, prompts: Sequence[Tokens], uniform_BN: Tensor, choice: Choice, limits: Limits
    ) -> Tokens:
        """What follows prompts: int32 (B, N), filled up with the number of tokens in the vocabulary.

        Args:
            prompts: B times 1 to `prompt` tokens.
            uniform_BN: float32 in [0, 1), a number for each token to draw.
            choice: how tokens are chosen.
            limits: where texts end. At most N tokens are drawn.
        """
        given = batch_of(prompts, self.network, self.prompt + self.most)
        uniform = ops.convert_to_tensor(uniform_BN, "float32")
        return np.asarray(self.compiled(given, uniform, choice.tensors(), limits.tensors()))

    def _drawn(
        self, given: Prompts, uniform_BN: Tensor, choice: Choice, limits: Limits
    ) -> Tensor:
        tokens_BL, lengths_B = given
        shortest, longest = ops.min(lengths_B), ops.max(lengths_B)
        prefills = bool(self.network.chunk)
        limits = limits._replace(tokens=ops.minimum(limits.tokens, uniform_BN.shape[1]))

        def step(begin: Tensor, now: Drawn) -> Drawn:
            known_B = now.at < lengths_B
            token_B = ops.minimum(_column(now.tokens_BL, now.at), self.network.vocabulary - 1)
            keep_B = known_B if prefills else ops.zeros_like(known_B)
            logits, state = self.network.step(now.state, token_B, now.at - begin, keep_B)
            seen_BV = marked(now.seen_BV, token_B)
            number_B = now.at + 1 - lengths_B
            uniform_B = _entry(uniform_BN, ops.clip(number_B, 0, uniform_BN.shape[1] - 1))
            token_B = choose(logits, uniform_B, choice, seen_BV)
            return self._written(now._replace(state=state, seen_BV=seen_BV), token_B, number_B, limits)

        def window(now: Drawn) -> Drawn:
            begin = beginning(self.network, now.at)
            state = filled(self.network, now.state, now.tokens_BL, begin, longest)

            def goes_on(now: Drawn) -> Tensor:
                going = ops.logical_not(ops.all(now.ended_B))
                if self.network.context is None:
                    return going
                return ops.logical_and(going, now.at - begin < self.network.context)

            return _while(goes_on, lambda now: step(begin, now), now._replace(state=state))

        seen_BV = seen_in(tokens_BL, lengths_B, self.network.vocabulary)
        at = shortest - 1 if prefills else ops.zeros_like(shortest)
        rows = tokens_BL.shape[0]
        now = Drawn(
            at, tokens_BL, self.network.start(rows), seen_BV, ops.zeros((rows,), "bool")
        )
        now = _while(lambda now: ops.logical_not(ops.all(now.ended_B)), window, now)
        return self._new(now.tokens_BL, lengths_B)

    def _written(self, now: Drawn, token_B: Tensor, number_B: Tensor, limits: Limits) -> Drawn:
        """The state after tokens were drawn, of which each row takes what it needs."""
        filling = ops.full_like(token_B, self.network.vocabulary)
        ends_B = token_B == limits.end
        token_B = ops.where(ops.logical_or(now.ended_B, ends_B), filling, token_B)
        drawing_B = number_B >= 0
        token_B = ops.where(drawing_B, token_B, _column(now.tokens_BL, now.at + 1))
        tokens_BL = ops.slice_update(now.tokens_BL, (0, now.at + 1), token_B[:, None])
        stops_B = stopped(tokens_BL, now.at + 1, number_B, limits.stops)
        ends_B = ops.logical_or(ops.logical_or(ends_B, stops_B), number_B + 1 >= limits.tokens)
        ended_B = ops.logical_or(now.ended_B, ops.logical_and(drawing_B, ends_B))
        return now._replace(at=now.at + 1, tokens_BL=tokens_BL, ended_B=ended_B)

    def _new(self, tokens_BL: Tensor, lengths_B: Tensor) -> Tensor:
        """What stands after the prompts."""
        at_BN = lengths_B[:, None] + ops.arange(self.most)[None]
        return ops.take_along_axis(tokens_BL, at_BN, axis=1)


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
    rows, length = tokens_BL.shape
    seen = ops.zeros((rows, vocabulary + 1), "bool")

    def mark(at: Tensor, seen: Tensor) -> Tensor:
        token_B = ops.where(at < lengths_B, _column(tokens_BL, at), vocabulary)
        return marked(seen, token_B)

    return ops.fori_loop(0, ops.max(lengths_B), mark, seen)[:, :vocabulary]


def marked(seen_BV: Tensor, token_B: Tensor) -> Tensor:
    """`seen` with one more token of each row."""
    rows = seen_BV.shape[0]
    where_B2 = ops.stack([ops.arange(rows, dtype="int32"), token_B], axis=-1)
    return ops.scatter_update(seen_BV, where_B2, ops.ones((rows,), "bool"))


def _column(tokens_BL: Tensor, at: Tensor) -> Tensor:
    return ops.slice(tokens_BL, (0, at), (tokens_BL.shape[0], 1))[:, 0]


def _entry(x_BN: Tensor, index_B: Tensor) -> Tensor:
    return ops.take_along_axis(x_BN, index_B[:, None], axis=1)[:, 0]


def _while(goes_on: Any, body: Any, now: Drawn) -> Drawn:
    return Drawn(*ops.while_loop(lambda *s: goes_on(Drawn(*s)), lambda *s: tuple(body(Drawn(*s))), tuple(now)))
