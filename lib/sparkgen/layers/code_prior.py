"""The code prior is a small PixelCNN over a grid of codes.

Codes enter as values code / (codes - 1), as `layers.raster` draws them, and are made one-hot inside;
outside the grid stands code 0. Blocks are h ← h + conv1×1(relu(conv3×3_B(relu(h)))). A label, where codes
depend on one, adds a learned vector to what the first of them is given, the same in every cell.

Shape suffixes: B rows, H and W of the grid, K codes, F features.
"""

from typing import Any

import keras
from keras import ops

from sparkgen.layers.levels import level_log_probability, nearest_level
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.raster import AtPixel, Caches, direct, draw_image, empty_cache, next_rows

Tensor = Any

COLDEST = 1e-6  # as temperature: the most likely code is drawn, but for a tie


class CodePrior(keras.layers.Layer):
    """log p(codes) = Σ log p(code | codes above and to the left), and draws of it.

    Args:
        codes: K.
        grid: (height, width).
        features: of the hidden convolutions.
        blocks: residual blocks.
        labels: how many labels there are on which codes depend; 0: they depend on none.
    """

    def __init__(
        self,
        codes: int,
        grid: tuple[int, int],
        *,
        features: int,
        blocks: int,
        labels: int = 0,
        **kwargs: Any,
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.codes, self.grid, self.features = codes, grid, features
        window: dict[str, Any] = {"above": 1, "left": 1, "right": 1}
        self.first = MaskedConv(features, kind="A", name="first", **window)
        self.look = [MaskedConv(features, name=f"look_{i}", **window) for i in range(blocks)]
        self.widen = [MaskedConv(features, name=f"widen_{i}") for i in range(blocks)]
        self.last = MaskedConv(codes, name="logits")
        if labels:
            embedding: dict[str, Any] = {"name": "of_label", **KEEPS_DTYPE}
            self.of_label = keras.layers.Embedding(labels, features, **embedding)

    def build(self, input_shape: Any) -> None:
        # `call` brings margins of its own, which goes past the layer's `__call__`.
        self.first.build((None, *self.grid, self.codes))

    def call(self, values_BHW1: Tensor, label_B: Tensor | None = None) -> Tensor:
        """Logits (B, H, W, 1, K) of every code from the codes before it, and the label."""
        margins = [[0, 0], [1, 0], [1, 1], [0, 0]]
        one_hot = self._one_hot(ops.pad(values_BHW1, margins))
        return self.after_first(self.first.inside(one_hot), label_B, direct)

    def log_probability(self, code_BHW: Tensor, label_B: Tensor | None = None) -> Tensor:
        """The log-probability in nats, float32 (B,), of int32 codes 0 .. K - 1."""
        code_BHW1 = ops.expand_dims(code_BHW, -1)
        logits = self(ops.cast(code_BHW1, "float32") / (self.codes - 1), label_B)
        return ops.sum(level_log_probability(code_BHW1, logits), axis=(1, 2, 3))

    def draw(
        self, uniform_BHW1: Tensor, label_B: Tensor | None = None, temperature: Tensor = 1.0
    ) -> Tensor:
        """The codes that uniform noise picks, of logits divided by a temperature: int32 (B, H, W)."""
        values = draw_image(_Drawing(self, label_B, temperature), uniform_BHW1, levels=self.codes)
        return nearest_level(values[..., 0], self.codes)

    def first_at(self, window_BRKC: Tensor) -> Tensor:
        """What the first convolution gives at the cell that a window of values ends in: (B, 1, 1, F)."""
        return self.first.at(self._one_hot(window_BRKC))

    def after_first(self, h_BHWF: Tensor, label_B: Tensor | None, apply: Any) -> Tensor:
        """The logits (B, H, W, 1, K), by what `apply(layer, input)` gives."""
        if label_B is not None:
            h_BHWF += ops.cast(self.of_label(label_B)[:, None, None], h_BHWF.dtype)
        for look, widen in zip(self.look, self.widen, strict=True):
            h_BHWF = h_BHWF + apply(widen, ops.relu(apply(look, ops.relu(h_BHWF))))
        return ops.expand_dims(apply(self.last, ops.relu(h_BHWF)), 3)

    def _one_hot(self, values: Tensor) -> Tensor:
        return ops.one_hot(
            nearest_level(values[..., 0], self.codes), self.codes, dtype=values.dtype
        )


class _Drawing:
    """The prior as `draw_image` wants it, for a batch of labels; see `raster.RasterNetwork`."""

    reach = 1

    def __init__(self, prior: CodePrior, label_B: Tensor | None, temperature: Tensor) -> None:
        self.prior, self.label_B, self.temperature = prior, label_B, temperature

    def start(self, batch: int) -> Caches:
        shape = {"batch": batch, "width": self.prior.grid[1], "channels": self.prior.features}
        return {layer.name: empty_cache(layer, **shape) for layer in self.prior.look}

    def begin_row(self, caches: Caches, above_BRWC: Tensor, row: Tensor) -> Caches:
        return next_rows(caches)

    def at_pixel(
        self, caches: Caches, window_BRKC: Tensor, column: Tensor
    ) -> tuple[Tensor, Caches]:
        apply = AtPixel(caches, column)
        logits = self.prior.after_first(self.prior.first_at(window_BRKC), self.label_B, apply)
        return logits / ops.maximum(ops.cast(self.temperature, logits.dtype), COLDEST), apply.caches
