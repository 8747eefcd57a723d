"""Beam search: the texts with the greatest score among those that the best W beginnings lead to.

The score of a text y of n tokens is log p(y) / nᵃ (Wu et al., "Google's Neural Machine Translation
System", 2016, without its constants): with a = 0 short texts win, with a = 1 it is the mean of a token. A
beam that has ended is frozen: it stays as it is while others go on, and gives way only to W better ones.
With one beam it is greedy search.

Scores are float64, so that two tokens of different logits never come to one score.

Shape suffixes: B rows, W beams, R = B * W, L positions of the buffer, K candidates of a beam, V tokens of
the vocabulary.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from sparkgen.decoding.choice import penalised
from sparkgen.decoding.protocol import State, Stateful
from sparkgen.decoding.texts import (
    LONGEST_PROMPT,
    MOST_TOKENS,
    Limits,
    Prompts,
    Tokens,
    batch_of,
    column,
    new_tokens,
    seen_in,
    stopped,
)
from sparkgen.decoding.window import walk
from sparkgen.layers.compiled import compiled

Tensor = Any
NEVER = -1e30
"""The score of a beam that is none."""


class Beams(NamedTuple):
    """The state of the search; R rows are the W beams of the first text, then those of the next."""

    at: Tensor
    tokens: Tensor
    """int32 (R, L)."""
    state: State
    seen: Tensor
    """bool (R, V)."""
    ended: Tensor
    """bool (B, W)."""
    log_p: Tensor
    """float64 (B, W): of what was found so far."""
    drawn: Tensor
    """int32 (B, W): how many tokens that are, with the one that ends a text."""


class BeamSearch:
    """Searches texts with a network; compiled once for each number of beams.

    Args:
        network: gives the logits.
        most: tokens that can be found, N.
        prompt: tokens of the longest prompt that can be given.
    """

    def __init__(
        self, network: Stateful, *, most: int = MOST_TOKENS, prompt: int = LONGEST_PROMPT
    ) -> None:
        self.network, self.most, self.prompt = network, most, prompt
        self.compiled: dict[int, Callable[..., Tensor]] = {}

    def search(
        self,
        prompts: Sequence[Tokens],
        limits: Limits,
        *,
        beams: int,
        length_power: float = 1.0,
        repetition_penalty: float = 1.0,
    ) -> Tokens:
        """The best text that follows each prompt: int32 (B, N), filled up as `Decoder.draw` does.

        Args:
            prompts: B times 1 to `prompt` tokens.
            limits: where texts end.
            beams: W.
            length_power: a.
            repetition_penalty: as in `Choice`.
        """
        if beams not in self.compiled:
            self.compiled[beams] = compiled(lambda *given: self._found(beams, *given))
        repeated = [prompt for prompt in prompts for _ in range(beams)]
        given = batch_of(repeated, self.network, self.prompt + self.most)
        power = ops.convert_to_tensor(length_power, "float64")
        penalty = ops.convert_to_tensor(repetition_penalty, "float32")
        return np.asarray(self.compiled[beams](given, limits.tensors(), power, penalty))

    def _found(
        self, beams: int, given: Prompts, limits: Limits, power: Tensor, penalty: Tensor
    ) -> Tensor:
        rows, network = given.tokens.shape[0], self.network
        limits = limits._replace(tokens=ops.minimum(limits.tokens, self.most))

        def turn(now: Beams, logits_RV: Tensor, number_R: Tensor) -> Beams:
            logits_RV = penalised(logits_RV, now.seen, penalty)
            return self._next(now, logits_RV, number_R, limits, power)

        shape = (rows // beams, beams)
        first = ops.where(ops.arange(beams) == 0, 0.0, NEVER)  # all beams begin alike
        now = Beams(
            at=ops.zeros((), "int32"),
            tokens=given.tokens,
            state=network.start(rows),
            seen=seen_in(*given, network.vocabulary),
            ended=ops.zeros(shape, "bool"),
            log_p=ops.broadcast_to(ops.cast(first, "float64"), shape),
            drawn=ops.zeros(shape, "int32"),
        )
        found = walk(network, given, now, turn)
        return new_tokens(found.tokens[::beams], given.lengths[::beams], self.most)

    def _next(
        self, now: Beams, logits_RV: Tensor, number_R: Tensor, limits: Limits, power: Tensor
    ) -> Beams:
        """The beams one token further; rows whose prompt goes on are as they were, with its token."""
        rows, beams = now.log_p.shape
        begun_B = ops.reshape(number_R, (rows, beams))[:, 0] >= 0
        parent_BW, token_BW, log_p_BW, drawn_BW = self._best(now, logits_RV, power)
        own_BW = ops.broadcast_to(ops.arange(beams)[None], (rows, beams))
        parent_BW = ops.where(begun_B[:, None], parent_BW, own_BW)
        parent_R = ops.reshape(ops.arange(rows)[:, None] * beams + parent_BW, (-1,))
        now = now._replace(
            tokens=ops.take(now.tokens, parent_R, axis=0),
            state=keras.tree.map_structure(lambda x: ops.take(x, parent_R, axis=0), now.state),
            seen=ops.take(now.seen, parent_R, axis=0),
            ended=ops.take_along_axis(now.ended, parent_BW, axis=1),
        )
        token_R, ended_R = ops.reshape(token_BW, (-1,)), ops.reshape(now.ended, (-1,))
        ends_R = token_R == limits.end
        token_R = ops.where(ops.logical_or(ended_R, ends_R), self.network.vocabulary, token_R)
        token_R = ops.where(number_R >= 0, token_R, column(now.tokens, now.at + 1))
        tokens_RL = ops.slice_update(now.tokens, (0, now.at + 1), token_R[:, None])
        ends_R = ops.logical_or(ends_R, stopped(tokens_RL, now.at + 1, number_R, limits.stops))
        ends_R = ops.logical_or(ends_R, number_R + 1 >= limits.tokens)
        ends_BW = ops.reshape(ops.logical_and(number_R >= 0, ends_R), (rows, beams))
        return now._replace(
            at=now.at + 1,
            tokens=tokens_RL,
            ended=ops.logical_or(now.ended, ends_BW),
            log_p=ops.where(begun_B[:, None], log_p_BW, now.log_p),
            drawn=ops.where(begun_B[:, None], drawn_BW, now.drawn),
        )

    def _best(self, now: Beams, logits_RV: Tensor, power: Tensor) -> tuple[Tensor, ...]:
        """The best W of all candidates, best first: their beams, tokens, log-probabilities and sizes."""
        rows, beams = now.log_p.shape
        each = min(beams, logits_RV.shape[1])
        # Of one beam the order is that of the logits; few of them need float64.
        top_RK, token_RK = ops.top_k(logits_RV, each)
        exact_RV = ops.cast(logits_RV, "float64")
        own_RK = ops.cast(top_RK, "float64") - ops.logsumexp(exact_RV, axis=-1, keepdims=True)
        ended_BW1, log_p_BW1 = now.ended[..., None], now.log_p[..., None]
        alone_K = ops.cast(ops.where(ops.arange(each) == 0, 0.0, NEVER), "float64")
        own_BWK = ops.where(ended_BW1, alone_K, ops.reshape(own_RK, (rows, beams, each)))
        log_p_BWK = log_p_BW1 + own_BWK
        drawn_BW1 = ops.where(ended_BW1, now.drawn[..., None], now.drawn[..., None] + 1)
        size_BW1 = ops.cast(ops.maximum(drawn_BW1, 1), "float64")
        score_BC = ops.reshape(log_p_BWK / size_BW1**power, (rows, beams * each))
        best_BW = ops.argsort(-score_BC, axis=-1)[:, :beams]
        parent_BW = best_BW // each
        token_BW = _taken(ops.reshape(token_RK, (rows, beams * each)), best_BW)
        log_p_BW = _taken(ops.reshape(log_p_BWK, (rows, beams * each)), best_BW)
        drawn_BW = _taken(drawn_BW1[..., 0], parent_BW)
        return parent_BW, ops.cast(token_BW, "int32"), log_p_BW, drawn_BW


def _taken(x_BC: Tensor, index_BW: Tensor) -> Tensor:
    return ops.take_along_axis(x_BC, index_BW, axis=1)
