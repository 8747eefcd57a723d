"""Attacks change images a little, so that a classifier is wrong about them."""

from collections.abc import Callable
from typing import Any

from keras import ops

from sparkgen.layers.gradients import gradient, repeat

Tensor = Any


def attacked(
    loss: Callable[[Tensor], Tensor],
    x: Tensor,
    start: Tensor,
    *,
    epsilon: Tensor,
    step_size: Tensor,
    steps: int,
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
