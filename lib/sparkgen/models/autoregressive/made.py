"""MADE is a dense network whose masks make it autoregressive.

Germain et al., "MADE: Masked Autoencoder for Distribution Estimation", 2015. Hidden unit k has a
degree m(k): it depends on the first m(k) pixels at most. A unit sees units of degree up to its own,
the logit of pixel t sees units of degree below t, and, by direct connections, the pixels before t:

    h = relu(b + (W ⊙ M_W) x),   logits = c + (V ⊙ M_V) h + (A ⊙ M_A) x.

What differs: one mask, in raster order, the degrees spread evenly instead of drawn. Sorted by degree,
the units that one more pixel completes lie side by side, so sampling computes just these for each
pixel: a whole sample costs about as much as one pass.
"""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
from keras import ops
from pydantic import Field

from sparkgen.config.strict import Positive
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.levels import draw_level
from sparkgen.layers.masked import MaskedDense
from sparkgen.layers.raster import DTYPE, known_or
from sparkgen.models.autoregressive._base import PixelConfig
from sparkgen.models.autoregressive._sequential import AutoregressiveModel
from sparkgen.models.contract import GenerativeModel, Tensor


class Config(PixelConfig):
    """Options of MADE."""

    hidden: tuple[Positive, ...] = Field((500,), strict=False)
    """Units of the hidden layers."""
    direct: bool = True
    """Whether logits also see the earlier pixels directly."""


def hidden_degrees(units: int, inputs: int) -> npt.NDArray[np.int64]:
    """Degrees 1 .. inputs - 1, spread evenly over the units, ascending."""
    return 1 + np.arange(units) * max(inputs - 1, 1) // units


class Made(AutoregressiveModel):
    """Flat pixels → masked hidden layers → the logits of each pixel."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        pixels = np.arange(1, spec.size + 1)
        outputs = np.repeat(pixels, self.logits_per_pixel)
        self.degrees = [hidden_degrees(units, spec.size) for units in config.hidden]
        self.hidden = [MaskedDense(a, b) for a, b in pairwise([pixels, *self.degrees])]
        self.output_layer = MaskedDense(self.degrees[-1], outputs, strict=True)
        if config.direct:
            self.direct = MaskedDense(pixels, outputs, strict=True, use_bias=False)
        self.has_direct = config.direct

    def logits(self, x: Tensor) -> Tensor:
        flat = h = ops.reshape(x, (-1, self.spec.size))
        for layer in self.hidden:
            h = ops.relu(layer(h))
        y = self.output_layer(h)
        if self.has_direct:
            y += self.direct(flat)
        return ops.reshape(y, (-1, *self.spec.shape, self.logits_per_pixel))

    def draw(self, uniform: Tensor, known: Tensor | None = None) -> Tensor:
        size, batch = self.spec.size, uniform.shape[0]
        uniform = ops.cast(ops.reshape(uniform, (batch, size)), DTYPE)
        known = None if known is None else ops.reshape(known, (batch, size))

        def draw_pixel(pixel: Tensor, state: tuple[Tensor, list[Tensor]]) -> Any:
            x, units = state
            units = self.complete(units, x, pixel)
            logits = self.logits_of(pixel, units[-1], x)
            here = (0, pixel), (batch, 1)
            level = draw_level(logits, ops.slice(uniform, *here))
            if known is not None:
                level = known_or(ops.slice(known, *here), level)
            value = ops.cast(level, DTYPE) / (self.levels - 1)
            return ops.slice_update(x, (0, pixel), value), units

        units = [ops.zeros((batch, d.size), DTYPE) for d in self.degrees]
        x, _ = ops.fori_loop(0, size, draw_pixel, (ops.zeros_like(uniform), units))
        return ops.cast(ops.reshape(x, (batch, *self.spec.shape)), "float32")

    def complete(self, units: list[Tensor], x: Tensor, pixels: Tensor) -> list[Tensor]:
        """The hidden units, those of degree `pixels` computed from the first `pixels` pixels."""
        below, done = x, []
        for layer, degrees, h in zip(self.hidden, self.degrees, units, strict=True):
            counts = np.bincount(degrees, minlength=self.spec.size)
            width = int(counts.max())
            starts = np.minimum(np.cumsum(counts) - counts, degrees.size - width)
            start = ops.take(ops.convert_to_tensor(starts, "int32"), pixels)
            below = ops.relu(layer.columns(below, start, width))
            below = ops.slice_update(h, (0, start), below)
            done.append(below)
        return done

    def logits_of(self, pixel: Tensor, units: Tensor, x: Tensor) -> Tensor:
        """The logits (B, 1, D) of one pixel."""
        depth = self.logits_per_pixel
        y = self.output_layer.columns(units, pixel * depth, depth)
        if self.has_direct:
            y += self.direct.columns(x, pixel * depth, depth)
        return ops.expand_dims(y, 1)


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """MADE for images of `spec.shape`."""
    return Made(config, spec, name="made")
