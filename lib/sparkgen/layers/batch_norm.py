"""Batch normalisation takes its moments over the global batch, not over the rows of one worker.

Ioffe and Szegedy, "Batch Normalization", 2015: y = γ (x − μ) / √(σ² + ε) + β, with moments of the
batch in training and moving averages of them otherwise. Keras' own layer takes the moments of the
rows that one worker sees, so training would depend on the number of workers; here `reduce_mean`
averages them over all workers.

Moving averages belong to the weights that they were taken under. Other weights, such as averages of
them, need statistics of their own, which `gathered_moments` are for.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

Tensor = Any


def _identity(values: Tensor) -> Tensor:
    return values


class BatchNormalization(keras.layers.Layer):
    """Batch normalisation over every axis but the last.

    `reduce_mean` is the mean of a float32 tensor over the workers, which all see equally many rows;
    it must be differentiable. A single worker needs none.

    Args:
        momentum: share of the old value that a moving average keeps in a step.
        epsilon: added to the variance.
    """

    def __init__(self, momentum: float = 0.99, epsilon: float = 1e-3, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.momentum, self.epsilon = momentum, epsilon
        self.reduce_mean: Callable[[Tensor], Tensor] = _identity
        self.gather: Callable[[Tensor, Tensor], None] | None = None

    def build(self, input_shape: tuple[int | None, ...]) -> None:
        # All of it is computed in float32, so the weights are not cast down with the inputs.
        kept = {"shape": (input_shape[-1],), "autocast": False}
        self.gamma = self.add_weight(initializer="ones", name="gamma", **kept)
        self.beta = self.add_weight(initializer="zeros", name="beta", **kept)
        frozen = {"trainable": False, **kept}
        self.moving_mean = self.add_weight(initializer="zeros", name="moving_mean", **frozen)
        self.moving_variance = self.add_weight(initializer="ones", name="moving_variance", **frozen)
        self.built = True

    def call(self, inputs: Tensor, training: bool = False) -> Tensor:
        # Half precision is too coarse for moments of thousands of values.
        x = ops.cast(inputs, "float32")
        mean, variance = self.moving_mean, self.moving_variance
        if self.gather is not None:
            mean, variance = self._moments(x)
            self.gather(mean, variance)
        elif training and self.trainable:
            mean, variance = self._moments(x)
            for moving, value in ((self.moving_mean, mean), (self.moving_variance, variance)):
                moving.assign(moving * self.momentum + value * (1.0 - self.momentum))
        scale = ops.rsqrt(variance + self.epsilon) * self.gamma
        return ops.cast((x - mean) * scale + self.beta, inputs.dtype)

    def _moments(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and variance over the global batch, (C,) each, in one exchange between workers.

        The variance is the mean of the workers' variances and the variance of their means (Chan,
        Golub and LeVeque, "Algorithms for Computing the Sample Variance", 1983), so that E[x²] − E[x]²
        is taken of the means only; these are shifted by the moving mean.
        """
        axes = tuple(range(len(x.shape) - 1))
        mean = ops.mean(x, axis=axes)
        variance = ops.mean(ops.square(x - mean), axis=axes)
        shift = ops.stop_gradient(ops.convert_to_tensor(self.moving_mean))
        d = mean - shift
        first, second, within = ops.unstack(
            self.reduce_mean(ops.stack([d, ops.square(d), variance])), num=3
        )
        between = second - ops.square(first)
        return first + shift, within + ops.maximum(between, 0.0)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum, "epsilon": self.epsilon}


def batch_norms(model: keras.Model) -> list[BatchNormalization]:
    """The batch normalisations of a model, at any depth, without frozen ones, whose statistics stay."""
    # Keras has no public walk over sublayers of any depth.
    found = [x for x in model._flatten_layers() if isinstance(x, BatchNormalization)]
    return [x for x in found if x.trainable]


@contextmanager
def gathered_moments(norms: list[BatchNormalization]) -> Iterator[list[list[Tensor]]]:
    """While it lasts, normalisations use the moments of the batch, and leave their averages alone.

    Yields:
        for each of `norms` the means and variances of its calls so far: (2, C) each.
    """
    found: list[list[Tensor]] = [[] for _ in norms]

    def keep(moments: list[Tensor]) -> Callable[[Tensor, Tensor], None]:
        return lambda mean, variance: moments.append(ops.stack([mean, variance]))

    for norm, moments in zip(norms, found, strict=True):
        norm.gather = keep(moments)
    try:
        yield found
    finally:
        for norm in norms:
            norm.gather = None
