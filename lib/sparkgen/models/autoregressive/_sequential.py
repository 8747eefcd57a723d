"""Autoregressive models give each pixel a distribution that depends on the pixels before it.

    log p(x) = Σ_t log p(x_t | x_1 .. x_{t-1}).

Pixels are ordered by row, then column, then channel (R, G, B). One pass over an image gives all its
conditional distributions. A sample takes a step for each pixel, which draws it by uniform noise. Where
a picture is given with the mask of its known pixels, these are not drawn but taken as they are.
"""

from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras import ops
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.compiled import compiled
from sparkgen.layers.levels import level_log_probability
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.raster import (
    MISSING,
    Caches,
    draw_image,
    draw_image_plainly,
    empty_cache,
)
from sparkgen.models.autoregressive._base import PixelConfig, PixelModel
from sparkgen.models.contract import NOTHING, Tensor
from sparkgen.models.inpainting import partial_picture, picture_given
from sparkgen.noise import NoiseSpec


class AutoregressiveModel(PixelModel):
    """A model that gives the logits of every pixel from the pixels before it."""

    def __init__(self, config: PixelConfig, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, binarisation=config.binarisation, levels=config.levels, **kwargs)
        self.noise, self.given = NoiseSpec(spec.shape, "uniform"), picture_given(spec)
        # Masked layers compute in the dtype of what they are given.
        self.network_dtype = keras.config.dtype_policy().compute_dtype
        self.compiled_draw = compiled(self.draw)
        self.compiled_draw_plainly = compiled(self.draw_plainly)

    def logits(self, x: Tensor) -> Tensor:
        """Logits (B, H, W, C, D) of images in [0, 1], each from the pixels before it alone."""
        raise TypeError(f"{type(self).__name__} has no logits")

    def draw(self, uniform: Tensor, known: Tensor | None = None) -> Tensor:
        """The images that uniform noise (B, H, W, C) picks, without redoing them for each pixel.

        Args:
            uniform: float32, range [0, 1).
            known: int32 (B, H, W, C), the levels of known pixels, `MISSING` elsewhere; None: none is.
        """
        raise TypeError(f"{type(self).__name__} does not draw")

    def draw_plainly(self, uniform: Tensor, known: Tensor | None = None) -> Tensor:
        """What `draw` gives, by computing `logits` of the whole image for each pixel."""
        return draw_image_plainly(self.logits, uniform, levels=self.levels, known_BHWC=known)

    def log_probability(self, level: Tensor) -> Tensor:
        x = ops.cast(level, self.network_dtype) / (self.levels - 1)
        logits = ops.cast(self.logits(x), "float32")
        return ops.sum(level_log_probability(level, logits), axis=(1, 2, 3))

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        return self._made_by(self.compiled_draw, noise, given)

    def generate_plainly(self, noise: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        """What `generate` gives, by `draw_plainly`: slow; tests and benchmarks compare with it."""
        return self._made_by(self.compiled_draw_plainly, noise, given)

    def _made_by(
        self, draw: Callable[..., Tensor], noise: Tensor, given: Mapping[str, Tensor]
    ) -> Tensor:
        uniform = ops.convert_to_tensor(noise, "float32")
        picture = partial_picture(given, self.spec)
        if picture is None:
            return draw(uniform)
        # A known pixel needs no draw, so that its noise can make it binary as in training.
        level = self.level({"image": picture.image, "noise": {"binarisation": uniform}})
        return picture.over(draw(uniform, ops.where(picture.known, level, MISSING)))


class RasterConfig(PixelConfig):
    """Options of every network of masked convolutions."""

    reach: int = Field(3, gt=0)
    """How far the first layer sees, in pixels up, left and right: 3 is a kernel of 7."""
    head: int = Field(32, gt=0)
    """Features of the 1×1 convolution before the logits."""


class RasterModel(AutoregressiveModel):
    """An autoregressive network of masked convolutions (`layers.raster.RasterNetwork`)."""

    def __init__(self, config: RasterConfig, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        self.reach = config.reach

    def draw(self, uniform: Tensor, known: Tensor | None = None) -> Tensor:
        return draw_image(self, uniform, levels=self.levels, known_BHWC=known)

    def cached_layers(self) -> dict[MaskedConv, int]:
        """The layers that see beyond the pixel, after the first one, and their channels in."""
        raise TypeError(f"{type(self).__name__} names no cached layers")

    def start(self, batch: int) -> Caches:
        width = self.spec.shape[1]
        return {
            layer.name: empty_cache(layer, batch=batch, width=width, channels=channels)
            for layer, channels in self.cached_layers().items()
        }

    def first_layer(self, filters: int) -> MaskedConv:
        """A convolution of mask A that sees `reach` pixels up, left and right."""
        window: dict[str, Any] = {"above": self.reach, "left": self.reach, "right": self.reach}
        return MaskedConv(filters, kind="A", colours=self.spec.shape[2], name="first", **window)

    def make_head(self, features: int) -> None:
        """Makes the last two layers, both 1×1: to `features` features, and to the logits."""
        colours = self.spec.shape[2]
        self.head = MaskedConv(features, colours=colours, name="head")
        self.last = MaskedConv(colours * self.logits_per_pixel, colours=colours, name="logits")

    def head_logits(self, h: Tensor, apply: Any) -> Tensor:
        """Logits (B, H, W, C, D) from features (B, H, W, F), `apply(layer, x)` applying a layer."""
        y = apply(self.last, ops.relu(apply(self.head, ops.relu(h))))
        return ops.reshape(y, (*y.shape[:3], self.spec.shape[2], self.logits_per_pixel))
