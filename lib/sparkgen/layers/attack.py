"""Attacks change images a little, so that a classifier is wrong about them."""

import math
from collections.abc import Callable
from typing import Any, NamedTuple

from keras import ops

from sparkgen.layers.gradients import gradient, repeat

Tensor = Any
GREYS = 255.0  # the steps between the grey levels of 8 bits


class Bounds(NamedTuple):
    """How far an attack may go, and how: numbers, or tensors of them."""

    epsilon: Tensor
    """The most by which a pixel changes, in units of [0, 1]."""
    step_size: Tensor
    """Of each step, in the same unit."""
    steps: Tensor
    """How many, an int."""
    levels: Tensor
    """The most whole grey levels within `epsilon`: `levels_within(epsilon)`."""


def attacked(
    loss: Callable[[Tensor], Tensor],
    x: Tensor,
    start: Tensor,
    *,
    epsilon: Tensor,
    step_size: Tensor,
    steps: Tensor,
) -> Tensor:
    """Images within `epsilon` of others, at which a loss is high: projected gradient ascent.

    Madry et al., "Towards Deep Learning Models Resistant to Adversarial Attacks", 2018: steps along the
    sign of the gradient from a point near the image, each put back into the cube of side 2 ε around it
    and into [0, 1]. With one step of the size ε, and a `start` of zeros, it is the fast gradient sign
    method of Goodfellow et al., "Explaining and Harnessing Adversarial Examples", 2015.

    Args:
        loss: a number for each of the images, which do not depend on each other.
        x: images (B, H, W, C) in [0, 1].
        start: in [-1, 1], like `x`: where in the cube the attack begins.
        epsilon: the most by which a pixel changes, in units of [0, 1].
        step_size: of each step, in the same unit.
        steps: how many.

    Returns:
        Images like `x`. No gradient flows through them.
    """
    low, high = ops.maximum(x - epsilon, 0.0), ops.minimum(x + epsilon, 1.0)

    def step(_: Tensor, at: Tensor) -> Tensor:
        return ops.clip(at + step_size * ops.sign(gradient(loss, at)[1]), low, high)

    return ops.stop_gradient(repeat(step, ops.clip(x + epsilon * start, low, high), steps))


def levels_within(epsilon: float) -> int:
    """How many of the 256 grey levels a pixel may change at most: 76 for 0.3, 8 for 8 / 255."""
    return math.floor(epsilon * GREYS + 1e-9)


def rounded(x: Tensor, near: Tensor, levels: Tensor) -> Tensor:
    """Images rounded to 8 bits, but no pixel of them further than `levels` from another image.

    Args:
        x: images (B, H, W, C) in [0, 1].
        near: like `x`, of 8 bits.
        levels: whole grey levels.

    Returns:
        Images of 8 bits in [0, 1]; a pixel that rounding takes too far is put back towards `near`.
    """
    grey, levels = ops.round(near * GREYS), ops.cast(levels, "float32")
    low, high = ops.maximum(grey - levels, 0.0), ops.minimum(grey + levels, GREYS)
    return ops.clip(ops.round(x * GREYS), low, high) / GREYS


def strongest(
    loss: Callable[[Tensor], Tensor],
    margin: Callable[[Tensor], Tensor],
    x: Tensor,
    starts: Tensor,
    bounds: Bounds,
    restarts: Tensor,
) -> Tensor:
    """For each image the best of itself and several attacks from different starts, as images of 8 bits.

    Args:
        loss: what the attacks ascend, a number for each image.
        margin: how well an attack did, after rounding; the one with the greatest is kept. Where none is
            above that of the image itself, it stays as it is.
        x: images (B, H, W, C) of 8 bits in [0, 1].
        starts: (B, R, H, W, C) in [-1, 1], where in the cube each attack begins.
        bounds: of each attack.
        restarts: how many of the R starts are used, an int from 1.
    """

    def attempt(number: Tensor, best: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        found = attacked(
            loss,
            x,
            ops.take(starts, number, axis=1),
            epsilon=bounds.epsilon,
            step_size=bounds.step_size,
            steps=bounds.steps,
        )
        found = rounded(found, x, bounds.levels)
        margin_B = margin(found)
        better_B = margin_B > best[1]
        kept = ops.where(better_B[:, None, None, None], found, best[0])
        return kept, ops.where(better_B, margin_B, best[1])

    return repeat(attempt, (x, margin(x)), restarts)[0]
