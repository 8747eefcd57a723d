"""Autoregressive models: log p(x) = Σ_t log p(x_t | x_1 .. x_{t-1}), pixel after pixel.

Pixels go row by row, from left to right, and R, G, B within a pixel. All the conditionals of an image
come from one pass; a sample takes one step a pixel, each a draw by uniform noise.
"""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.compiled import compiled
from sparkgen.layers.levels import level_log_probability
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.raster import (
    Caches,
    draw_image,
    draw_image_plainly,
    empty_cache,
)
from sparkgen.models.autoregressive._base import PixelConfig, PixelModel
from sparkgen.models.contract import Tensor
from sparkgen.noise import NoiseSpec


class AutoregressiveModel(PixelModel):
    """A model that gives the logits of every pixel from the pixels before it."""

    def __init__(self, config: PixelConfig, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, binarisation=config.binarisation, levels=config.levels, **kwargs)
        self.noise = NoiseSpec(spec.shape, "uniform")
        # Masked layers compute in the dtype of what they are given.
        self.network_dtype = keras.config.dtype_policy().compute_dtype
        self.compiled_draw = compiled(self.draw)
        self.compiled_draw_plainly = compiled(self.draw_plainly)

    def logits(self, x: Tensor) -> Tensor:
        """Logits (B, H, W, C, D) of images in [0, 1], each from the pixels before it alone."""
        raise TypeError(f"{type(self).__name__} has no logits")

    def draw(self, uniform: Tensor) -> Tensor:
        """The images that uniform noise (B, H, W, C) picks, without redoing them for each pixel."""
        raise TypeError(f"{type(self).__name__} does not draw")

    def draw_plainly(self, uniform: Tensor) -> Tensor:
        """What `draw` gives, by computing `logits` of the whole image for each pixel."""
        return draw_image_plainly(self.logits, uniform, levels=self.levels)

    def log_probability(self, level: Tensor) -> Tensor:
        x = ops.cast(level, self.network_dtype) / (self.levels - 1)
        logits = ops.cast(self.logits(x), "float32")
        return ops.sum(level_log_probability(level, logits), axis=(1, 2, 3))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        return self.compiled_draw(ops.convert_to_tensor(noise, "float32"))

    def generate_plainly(self, noise: Tensor) -> Tensor:
        """What `generate` gives, the slow way, to measure it against."""
        return self.compiled_draw_plainly(ops.convert_to_tensor(noise, "float32"))


class RasterModel(AutoregressiveModel):
    """An autoregressive network of masked convolutions (`layers.raster.RasterNetwork`)."""

    reach: int

    def draw(self, uniform: Tensor) -> Tensor:
        return draw_image(self, uniform, levels=self.levels)

    def cached_layers(self) -> dict[MaskedConv, int]:
        """The layers that see beyond the pixel, after the first one, and their channels in."""
        raise TypeError(f"{type(self).__name__} names no cached layers")

    def start(self, batch: int) -> Caches:
        width = self.spec.shape[1]
        return {
            layer.name: empty_cache(layer, batch=batch, width=width, channels=channels)
            for layer, channels in self.cached_layers().items()
        }

    def output_layer(self, **kwargs: Any) -> MaskedConv:
        """The last layer: 1×1, from features to logits."""
        colours = self.spec.shape[2]
        return MaskedConv(
            colours * self.logits_per_pixel, kind="B", colours=colours, name="logits", **kwargs
        )

    def by_colour(self, y: Tensor) -> Tensor:
        """What the last layer gives, (B, H, W, C·D), as (B, H, W, C, D)."""
        return ops.reshape(y, (*y.shape[:3], self.spec.shape[2], self.logits_per_pixel))
