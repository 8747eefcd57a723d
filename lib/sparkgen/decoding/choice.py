"""The choice of the next token: a pure function of logits, of a uniform number, and of a few settings.

Repetition penalty (Keskar et al., "CTRL", 2019), then softmax temperature, then top-k (Fan et al., 2018),
then top-p (Holtzman et al., "The Curious Case of Neural Text Degeneration", 2020); the token is drawn by
the inverse of the cumulated probabilities. Settings are tensors, so that one compiled function serves all
their values.

Neither top-k nor top-p sorts: the least logit that is kept is found bit by bit, each by one pass over the
vocabulary. Tokens whose logits are equal to it are kept all.

Shape suffixes: B rows, V tokens of the vocabulary, N runs of M tokens of it.
"""

from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

Tensor = Any
RUN = 256
"""Tokens of the vocabulary whose probabilities are summed first, before the sums are cumulated."""
NEVER = -1e30
"""The logit of what is never drawn: its probability is exactly 0."""
BELOW_ONE = float(np.float32(1 - 2**-23))
BITS = 32


class Choice(NamedTuple):
    """How the next token is chosen: tensors or numbers."""

    temperature: Tensor = 1.0
    """Logits are divided by it; 0: the most likely token is taken."""
    top_k: Tensor = 0
    """How many of the most likely tokens are kept; 0: all."""
    top_p: Tensor = 1.0
    """Kept are the fewest tokens whose probabilities sum to at least it; 1: all."""
    repetition_penalty: Tensor = 1.0
    """By how much tokens that stand in the text are less likely: positive logits are divided by it,
    negative ones multiplied."""

    def tensors(self) -> "Choice":
        """The settings as tensors: float32 and, of `top_k`, int32."""
        dtypes = ("float32", "int32", "float32", "float32")
        return Choice(*(ops.convert_to_tensor(v, t) for v, t in zip(self, dtypes, strict=True)))


def choose(logits_BV: Tensor, uniform_B: Tensor, choice: Choice, seen_BV: Tensor) -> Tensor:
    """The next token of each row: int32 (B,).

    Args:
        logits_BV: float32.
        uniform_B: float32, range [0, 1).
        choice: the settings, tensors.
        seen_BV: bool, the tokens that stand in the rows' texts.
    """
    logits_BV = penalised(logits_BV, seen_BV, choice.repetition_penalty)
    best_B = ops.cast(ops.argmax(logits_BV, axis=-1), "int32")
    drawn_B = draw(candidates(logits_BV, choice), uniform_B)
    return ops.where(choice.temperature > 0, drawn_B, best_B)


def penalised(logits_BV: Tensor, seen_BV: Tensor, penalty: Tensor) -> Tensor:
    """Logits with those of seen tokens made lower."""
    lower = ops.where(logits_BV > 0, logits_BV / penalty, logits_BV * penalty)
    return ops.where(seen_BV, lower, logits_BV)


def candidates(logits_BV: Tensor, choice: Choice) -> Tensor:
    """Logits at the temperature, `NEVER` for tokens that top-k or top-p leaves out: (B, N, M).

    The vocabulary is filled up to whole runs.
    """
    x = _in_runs(logits_BV)
    x = x - ops.max(x, axis=(1, 2), keepdims=True)
    x = ops.where(
        x > NEVER / 2, x / ops.where(choice.temperature > 0, choice.temperature, 1.0), NEVER
    )
    ones = ops.ones_like(x)
    some = ops.logical_and(choice.top_k > 0, choice.top_k < logits_BV.shape[-1])
    x = _kept(x, ones, ops.cast(choice.top_k, "float32"), some)
    weight = ops.exp(x)
    least = ops.maximum(choice.top_p * _sum(weight), 1e-30)  # the most likely one is always kept
    return _kept(x, weight, least, choice.top_p < 1)


def draw(logits_BNM: Tensor, uniform_B: Tensor) -> Tensor:
    """The tokens that uniform numbers pick by the inverse of the cumulated probabilities: int32 (B,).

    Args:
        logits_BNM: the greatest of each row is 0, such as `candidates` gives.
        uniform_B: range [0, 1).
    """
    weight_BNM = ops.exp(logits_BNM)
    run_BN = ops.sum(weight_BNM, axis=-1)
    run_B, rest_B = _picked(run_BN, uniform_B * ops.sum(run_BN, axis=-1))
    inside_BM = ops.squeeze(ops.take_along_axis(weight_BNM, run_B[:, None, None], axis=1), 1)
    token_B, _ = _picked(inside_BM, rest_B)
    return run_B * logits_BNM.shape[-1] + token_B


def _picked(weight_BN: Tensor, at_B: Tensor) -> tuple[Tensor, Tensor]:
    """The first entries whose cumulated weights pass a number, and by how much it passes those before.

    An entry without weight is never picked, whatever rounding does to the sums.
    """
    upto_BN = ops.cumsum(weight_BN, axis=-1)
    upto_BN = ops.where(weight_BN > 0, upto_BN, 0.0)
    at_B = ops.minimum(at_B, ops.max(upto_BN, axis=-1) * BELOW_ONE)
    index_B = ops.cast(ops.argmax(upto_BN > at_B[:, None], axis=-1), "int32")
    here = index_B[:, None]
    before_B1 = ops.take_along_axis(upto_BN, here, -1) - ops.take_along_axis(weight_BN, here, -1)
    return index_B, ops.maximum(at_B - before_B1[:, 0], 0.0)


def _kept(x_BNM: Tensor, weight_BNM: Tensor, least: Tensor, some: Tensor) -> Tensor:
    """The greatest logits, as few as weigh at least `least`, (B,) or (), together; the others `NEVER`.

    Args:
        x_BNM: logits.
        weight_BNM: of each.
        least: the sum.
        some: whether any are left out at all, bool ().
    """
    order = _in_order(x_BNM)

    def with_bit(number: Tensor, lowest_B: Tensor) -> Tensor:
        bit = ops.left_shift(ops.convert_to_tensor(1, "int32"), BITS - 1 - number)
        higher_B = ops.bitwise_xor(lowest_B, bit)
        kept = ops.where(order >= higher_B[:, None, None], weight_BNM, 0.0)
        return ops.where(_sum(kept) >= least, higher_B, lowest_B)

    lowest_B = ops.full(x_BNM.shape[:1], -(2 ** (BITS - 1)), "int32")
    # No turn where nothing is left out: it costs as much as the network where that is small.
    lowest_B = ops.fori_loop(0, ops.where(some, BITS, 0), with_bit, lowest_B)
    return ops.where(order >= lowest_B[:, None, None], x_BNM, NEVER)


def _in_order(x: Tensor) -> Tensor:
    """int32 numbers in the order of float32 ones."""
    bits = _bits(x + 0.0)  # a zero has no sign
    low = ops.bitwise_and(ops.right_shift(bits, BITS - 1), 0x7FFFFFFF)
    return ops.bitwise_xor(bits, low)


def _bits(x: Tensor) -> Tensor:
    if keras.backend.backend() != "tensorflow":
        return ops.view(x, "int32")
    import tensorflow as tf

    return tf.bitcast(x, tf.int32)


def _in_runs(logits_BV: Tensor) -> Tensor:
    rows, size = logits_BV.shape
    runs = -(-size // RUN)
    each = -(-size // runs)
    filled = ops.pad(logits_BV, [[0, 0], [0, runs * each - size]], constant_values=NEVER)
    return ops.reshape(filled, (rows, runs, each))


def _sum(x_BNM: Tensor) -> Tensor:
    return ops.sum(ops.sum(x_BNM, axis=1), axis=-1)
