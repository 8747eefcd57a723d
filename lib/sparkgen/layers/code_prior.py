"""The code prior is a small PixelCNN over a grid of codes.

Codes enter as values code / (codes - 1), as `layers.raster` draws them, and are made one-hot inside;
outside the grid stands code 0. Blocks are h ← h + conv1×1(relu(conv3×3_B(relu(h)))).

Shape suffixes: B rows, H and W of the grid, K codes.
"""

from typing import Any

import keras
from keras import ops

from sparkgen.layers.levels import level_log_probability, nearest_level
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.raster import AtPixel, Caches, direct, draw_image, empty_cache, next_rows

Tensor = Any


class CodePrior(keras.layers.Layer):
    """log p(codes) = Σ log p(code | codes above and to the left), and draws of it.

    Args:
        codes: K.
        grid: (height, width).
        features: of the hidden convolutions.
        blocks: residual blocks.
    """

    reach = 1

    def __init__(
        self, codes: int, grid: tuple[int, int], *, features: int, blocks: int, **kwargs: Any
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.codes, self.grid, self.features = codes, grid, features
        window: dict[str, Any] = {"above": 1, "left": 1, "right": 1}
        self.first = MaskedConv(features, kind="A", name="first", **window)
        self.look = [MaskedConv(features, name=f"look_{i}", **window) for i in range(blocks)]
        self.widen = [MaskedConv(features, name=f"widen_{i}") for i in range(blocks)]
        self.last = MaskedConv(codes, name="logits")

    def build(self, input_shape: Any) -> None:
        # `call` brings margins of its own, which goes past the layer's `__call__`.
        self.first.build((None, *self.grid, self.codes))

    def call(self, values_BHW1: Tensor) -> Tensor:
        """Logits (B, H, W, 1, K) of every code from the codes before it."""
        margins = [[0, 0], [1, 0], [1, 1], [0, 0]]
        return self._after_first(
            self.first.inside(self._one_hot(ops.pad(values_BHW1, margins))), direct
        )

    def log_probability(self, code_BHW: Tensor) -> Tensor:
        """The log-probability in nats, float32 (B,), of int32 codes 0 .. K - 1."""
        code_BHW1 = ops.expand_dims(code_BHW, -1)
        logits = self(ops.cast(code_BHW1, "float32") / (self.codes - 1))
        return ops.sum(level_log_probability(code_BHW1, logits), axis=(1, 2, 3))

    def draw(self, uniform_BHW1: Tensor) -> Tensor:
        """The codes that uniform noise picks: int32 (B, H, W)."""
        values = draw_image(self, uniform_BHW1, levels=self.codes)
        return nearest_level(values[..., 0], self.codes)

    def start(self, batch: int) -> Caches:
        shape = {"batch": batch, "width": self.grid[1], "channels": self.features}
        return {layer.name: empty_cache(layer, **shape) for layer in self.look}

    def begin_row(self, caches: Caches, above_BRWC: Tensor, row: Tensor) -> Caches:
        return next_rows(caches)

    def at_pixel(
        self, caches: Caches, window_BRKC: Tensor, column: Tensor
    ) -> tuple[Tensor, Caches]:
        apply = AtPixel(caches, column)
        return self._after_first(self.first.at(self._one_hot(window_BRKC)), apply), apply.caches

    def _one_hot(self, values: Tensor) -> Tensor:
        return ops.one_hot(
            nearest_level(values[..., 0], self.codes), self.codes, dtype=values.dtype
        )

    def _after_first(self, h: Tensor, apply: Any) -> Tensor:
        for look, widen in zip(self.look, self.widen, strict=True):
            h = h + apply(widen, ops.relu(apply(look, ops.relu(h))))
        return ops.expand_dims(apply(self.last, ops.relu(h)), 3)
