"""Texts that follow prompts, token by token, in one compiled loop.

Lengths, limits and settings are tensors, so that one trace serves all their values. A row's tokens depend
on its own prompt and noise alone, bit for bit, whatever stands beside it in the batch.

Shape suffixes: B rows, L positions of the buffer, N tokens to draw at most, V tokens of the vocabulary.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from keras import ops

from sparkgen.decoding.choice import Choice, choose
from sparkgen.decoding.protocol import State, Stateful
from sparkgen.decoding.texts import (
    LONGEST_PROMPT,
    MOST_TOKENS,
    Limits,
    Prompts,
    Tokens,
    batch_of,
    column,
    entry,
    new_tokens,
    seen_in,
    stopped,
)
from sparkgen.decoding.window import walk
from sparkgen.layers.compiled import compiled

Tensor = Any


class Drawn(NamedTuple):
    """The state of the loop, as `window.walk` has it."""

    at: Tensor
    tokens: Tensor
    state: State
    seen: Tensor
    ended: Tensor


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

    def _drawn(self, given: Prompts, uniform_BN: Tensor, choice: Choice, limits: Limits) -> Tensor:
        rows, most = uniform_BN.shape
        limits = limits._replace(tokens=ops.minimum(limits.tokens, most))

        def turn(now: Drawn, logits_BV: Tensor, number_B: Tensor) -> Drawn:
            uniform_B = entry(uniform_BN, ops.clip(number_B, 0, most - 1))
            token_B = choose(logits_BV, uniform_B, choice, now.seen)
            return self._written(now, token_B, number_B, limits)

        now = Drawn(
            at=ops.zeros((), "int32"),
            tokens=given.tokens,
            state=self.network.start(rows),
            seen=seen_in(*given, self.network.vocabulary),
            ended=ops.zeros((rows,), "bool"),
        )
        return new_tokens(walk(self.network, given, now, turn).tokens, given.lengths, self.most)

    def _written(self, now: Drawn, token_B: Tensor, number_B: Tensor, limits: Limits) -> Drawn:
        """The state after tokens were drawn, of which each row takes what it needs."""
        filling = ops.full_like(token_B, self.network.vocabulary)
        ends_B = token_B == limits.end
        token_B = ops.where(ops.logical_or(now.ended, ends_B), filling, token_B)
        drawing_B = number_B >= 0
        token_B = ops.where(drawing_B, token_B, column(now.tokens, now.at + 1))
        tokens_BL = ops.slice_update(now.tokens, (0, now.at + 1), token_B[:, None])
        stops_B = stopped(tokens_BL, now.at + 1, number_B, limits.stops)
        ends_B = ops.logical_or(ops.logical_or(ends_B, stops_B), number_B + 1 >= limits.tokens)
        ended_B = ops.logical_or(now.ended, ops.logical_and(drawing_B, ends_B))
        return now._replace(at=now.at + 1, tokens=tokens_BL, ended=ended_B)
