"""Raster networks draw an image pixel by pixel, and compute only what the next pixel needs.

A causal layer at a pixel needs its input at that pixel, at some pixels to the left, and in some rows
above. So each layer keeps its last few rows of input (a cache), and a pixel costs one window of every
layer instead of the whole image. Memory grows with the image's width, time with its pixels.

Everything is computed in float64. A draw compares noise with a probability, and float32 sums differ
in their last bits with the batch size and the order of addition, which now and then would flip a
pixel, and with it the rest of the image.

Shape suffixes: B rows of the batch, R rows of a cache, W width with margins, C channels, F features.
"""

from collections.abc import Callable
from typing import Any, Protocol

from keras import ops

from sparkgen.layers.levels import draw_level
from sparkgen.layers.masked import MaskedConv

Tensor = Any
Caches = dict[str, Tensor]
DTYPE = "float64"
MISSING = -1
"""Stands for the level of a pixel that is not known."""


class RasterNetwork(Protocol):
    """What `draw_image` needs of a network."""

    reach: int
    """How far the first layer sees, in pixels up, left and right."""

    def start(self, batch: int) -> Caches:
        """The caches before the first row."""

    def begin_row(self, caches: Caches, above_BRWC: Tensor, row: Tensor) -> Caches:
        """The caches of a new row, given the `reach + 1` rows above it, with `reach` margins."""

    def at_pixel(
        self, caches: Caches, window_BRKC: Tensor, column: Tensor
    ) -> tuple[Tensor, Caches]:
        """Logits (B, 1, 1, C, D) of a pixel, given `reach` pixels about it and rows above it."""


def direct(layer: MaskedConv, x: Tensor) -> Tensor:
    """A layer applied to a whole image."""
    return layer(x)


class AtPixel:
    """Layers applied at one pixel, (B, 1, 1, C) → (B, 1, 1, F), with their caches.

    Args:
        caches: by layer name, (B, above + 1, left + W + right, C). Those of layers that see only the
            pixel itself are not needed.
        column: of the pixel.
    """

    def __init__(self, caches: Caches, column: Tensor) -> None:
        self.caches, self.column = dict(caches), column

    def __call__(self, layer: MaskedConv, x_B11C: Tensor) -> Tensor:
        if layer.name not in self.caches:
            return layer.at(x_B11C)
        cache = ops.slice_update(
            self.caches[layer.name], (0, layer.above, layer.left + self.column, 0), x_B11C
        )
        self.caches[layer.name] = cache
        shape = (cache.shape[0], layer.above + 1, layer.left + 1 + layer.right, cache.shape[3])
        return layer.at(ops.slice(cache, (0, 0, self.column, 0), shape))


class AtRow:
    """Layers applied to one row, (B, 1, W, C) → (B, 1, W, F), with their caches."""

    def __init__(self, caches: Caches) -> None:
        self.caches = dict(caches)

    def __call__(self, layer: MaskedConv, x_B1WC: Tensor) -> Tensor:
        if layer.name not in self.caches:
            return layer.at(x_B1WC)
        cache = next_row(self.caches[layer.name])
        cache = ops.slice_update(cache, (0, layer.above, layer.left, 0), x_B1WC)
        self.caches[layer.name] = cache
        return layer.at(cache)


def empty_cache(layer: MaskedConv, *, batch: int, width: int, channels: int) -> Tensor:
    """The cache of a layer before the first row: zeros (B, R, W, C)."""
    return ops.zeros((batch, layer.above + 1, layer.left + width + layer.right, channels), DTYPE)


def next_row(cache_BRWC: Tensor) -> Tensor:
    """A cache without its oldest row, with a row of zeros at its end: (B, R, W, C)."""
    return ops.concatenate([cache_BRWC[:, 1:], ops.zeros_like(cache_BRWC[:, :1])], axis=1)


def next_rows(caches: Caches) -> Caches:
    """`next_row` of every cache."""
    return {name: next_row(cache) for name, cache in caches.items()}


def column_of(row_B1WC: Tensor, column: Tensor, width: int = 1) -> Tensor:
    """The columns `column` .. `column + width - 1` of a row: (B, 1, width, C)."""
    batch, _, _, channels = row_B1WC.shape
    return ops.slice(row_B1WC, (0, 0, column, 0), (batch, 1, width, channels))


def with_column(row_B1WC: Tensor, column: Tensor, value_B11C: Tensor) -> Tensor:
    """A row whose column `column` is `value`."""
    return ops.slice_update(row_B1WC, (0, 0, column, 0), value_B11C)


def known_or(known: Tensor, drawn: Tensor) -> Tensor:
    """The levels that are known, and the drawn ones where they are `MISSING`: int32."""
    return ops.where(known == MISSING, drawn, known)


def draw_image(
    network: RasterNetwork, uniform_BHWC: Tensor, *, levels: int, known_BHWC: Tensor | None = None
) -> Tensor:
    """The images that uniform noise picks, pixel by pixel: float32 (B, H, W, C), range [0, 1].

    Args:
        network: computes the logits of the next pixel.
        uniform_BHWC: one number a pixel and channel, range [0, 1).
        levels: of a pixel.
        known_BHWC: int32 levels of the pixels that are known, and `MISSING` where one is to be drawn;
            None: all are to be drawn.
    """
    uniform_BHWC = ops.cast(uniform_BHWC, DTYPE)
    batch, height, width, channels = uniform_BHWC.shape
    reach = network.reach
    above, wide, side = reach + 1, width + 2 * reach, 2 * reach + 1

    def draw_row(row: Tensor, state: tuple[Tensor, Caches]) -> tuple[Tensor, Caches]:
        image, caches = state
        rows_above = ops.slice(image, (0, row, 0, 0), (batch, above, wide, channels))
        caches = network.begin_row(caches, rows_above, row)

        def draw_value(index: Tensor, state: tuple[Tensor, Caches]) -> tuple[Tensor, Caches]:
            image, caches = state
            column, channel = index // channels, index % channels
            window = ops.slice(image, (0, row + 1, column, 0), (batch, above, side, channels))
            logits, caches = network.at_pixel(caches, window, column)
            logits = ops.slice(logits, (0, 0, 0, channel, 0), (batch, 1, 1, 1, logits.shape[-1]))
            here = (0, row, column, channel), (batch, 1, 1, 1)
            level = draw_level(logits, ops.slice(uniform_BHWC, *here))
            if known_BHWC is not None:
                level = known_or(ops.slice(known_BHWC, *here), level)
            value = ops.cast(level, DTYPE) / (levels - 1)
            image = ops.slice_update(image, (0, row + above, reach + column, channel), value)
            return image, caches

        return _loop(width * channels, draw_value, (image, caches))

    image = ops.zeros((batch, height + above, wide, channels), DTYPE)
    image, _ = _loop(height, draw_row, (image, network.start(batch)))
    return ops.cast(image[:, above:, reach : reach + width], "float32")


def draw_image_plainly(
    logits: Callable[[Tensor], Tensor],
    uniform_BHWC: Tensor,
    *,
    levels: int,
    known_BHWC: Tensor | None = None,
    dtype: str = DTYPE,
) -> Tensor:
    """What `draw_image` draws, by the whole network for each pixel: slow, for comparison.

    Args:
        logits: (B, H, W, C) → (B, H, W, C, D).
        uniform_BHWC: as for `draw_image`.
        levels: of a pixel.
        known_BHWC: as for `draw_image`.
        dtype: the network's.
    """
    uniform_BHWC = ops.cast(uniform_BHWC, dtype)
    _, height, width, channels = uniform_BHWC.shape
    pixels = ops.reshape(ops.arange(height * width * channels), (1, height, width, channels))

    def draw_value(index: Tensor, image: Tensor) -> Tensor:
        level = draw_level(logits(image), uniform_BHWC)
        if known_BHWC is not None:
            level = known_or(known_BHWC, level)
        return ops.where(pixels == index, ops.cast(level, dtype) / (levels - 1), image)

    image = _loop(height * width * channels, draw_value, ops.zeros_like(uniform_BHWC))
    return ops.cast(image, "float32")


def _loop(times: int, body: Callable[[Tensor, Any], Any], state: Any) -> Any:
    return ops.fori_loop(0, times, body, state)
