"""The one loop that changes numbers, such as those of an image, until a loss of them is low."""

import math
from collections.abc import Callable
from typing import Any, Literal

from keras import ops

from sparkgen.layers.gradients import gradient, repeat
from sparkgen.layers.parameterisation import Numbers

Tensor = Any
Rule = Literal["adam", "even"]
BETA_1, BETA_2, EPSILON = 0.9, 0.999, 1e-8


def minimise(
    loss: Callable[[Tensor, Numbers], Tensor],
    numbers: Numbers,
    *,
    steps: Tensor,
    rate: Tensor,
    rule: Rule = "adam",
    within: Callable[[Numbers], Numbers] = lambda numbers: numbers,
) -> Numbers:
    """Numbers after some steps down the gradient of a loss. Rows do not depend on each other.

    In a compiled function (`layers.compiled`) it is one loop, traced once for any `steps` and `rate` that
    are tensors.

    Args:
        loss: `loss(k, numbers)` of step k, int32 (): a number a row, float32 (B,).
        numbers: where it begins: tensors with B rows each, of any shape.
        steps: how many, an int or int32 ().
        rate: how long a step is, in the unit of the numbers: float32 ().
        rule: `adam`, Adam's rule (Kingma and Ba, "Adam", 2015), of which a step is about `rate` in every
            number; or `even`, steps along the gradient whose root mean square over the numbers of a row
            is `rate`.
        within: puts numbers back where they may be, after each step.
    """
    advance = _adam if rule == "adam" else _even

    def step(k: Tensor, state: tuple[Numbers, ...]) -> tuple[Numbers, ...]:
        at, *memory = state
        slopes = gradient(lambda n: loss(k, n), at)[1]
        changes, *memory = advance(k, slopes, *memory)
        moved = tuple(n - rate * change for n, change in zip(at, changes, strict=True))
        return (within(moved), *memory)

    zeros = tuple(ops.zeros_like(n) for n in numbers)
    start = (tuple(numbers), zeros, zeros) if rule == "adam" else (tuple(numbers),)
    found: Numbers = repeat(step, start, steps)[0]
    return found


def _adam(
    k: Tensor, slopes: Numbers, means: Numbers, squares: Numbers
) -> tuple[Numbers, Numbers, Numbers]:
    """The step, for a rate of 1, and what is kept: running means of slopes and of their squares."""
    means = _toward(means, slopes, BETA_1)
    squares = _toward(squares, tuple(ops.square(s) for s in slopes), BETA_2)
    done = ops.cast(k, "float32") + 1.0
    least_1, least_2 = 1.0 - ops.power(BETA_1, done), 1.0 - ops.power(BETA_2, done)
    changes = tuple(
        (mean / least_1) / (ops.sqrt(square / least_2) + EPSILON)
        for mean, square in zip(means, squares, strict=True)
    )
    return changes, means, squares


def _even(k: Tensor, slopes: Numbers) -> tuple[Numbers]:
    """Slopes with a mean square of 1 over all numbers of a row."""
    del k
    axes = [tuple(range(1, len(s.shape))) for s in slopes]
    total_B = sum(ops.sum(ops.square(s), axis=axis) for s, axis in zip(slopes, axes, strict=True))
    count = sum(math.prod(s.shape[1:]) for s in slopes)
    by_B = ops.rsqrt(total_B / count + 1e-12)
    return (
        tuple(
            s * ops.reshape(by_B, (-1, *(1,) * len(a))) for s, a in zip(slopes, axes, strict=True)
        ),
    )


def _toward(means: Numbers, values: Numbers, beta: float) -> Numbers:
    return tuple(beta * m + (1.0 - beta) * v for m, v in zip(means, values, strict=True))
