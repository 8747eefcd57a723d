"""The gated PixelCNN has two stacks of gated convolutions, which together see all earlier pixels.

van den Oord et al., "Conditional Image Generation with PixelCNN Decoders", 2016. The vertical stack v
sees all rows above, the horizontal stack h the row so far and, at each layer, the vertical one:

    y_v = conv_k×k(v),   y_h = conv_1×k(h) + conv_1×1(y_v),   gate(y) = tanh(y₁) ⊙ σ(y₂),
    v ← gate(y_v),       h ← h + conv_1×1(gate(y_h)).

Sampling computes the vertical stack once a row, and the horizontal one at every pixel.
"""

from typing import Any

import keras
from keras import ops
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.masked import Kind, MaskedConv
from sparkgen.layers.raster import DTYPE, AtPixel, AtRow, Caches, column_of, direct, next_row
from sparkgen.models.autoregressive._sequential import RasterConfig, RasterModel
from sparkgen.models.contract import GenerativeModel, Tensor


class Config(RasterConfig):
    """Options of the gated PixelCNN."""

    features: int = Field(32, gt=0)
    """F, of both stacks; a convolution has 2F, for the two halves of the gate."""
    layers: int = Field(8, gt=0)
    """Gated layers, the first among them."""
    gain: float | None = Field(None, gt=0)
    """The variance of the vertical stack's initial weights times the inputs each feature sums; None:
    Glorot's. A gate leaves E[tanh² y₁] E[σ² y₂] ≈ 1 / 8.7 of the variance of y ~ N(0, 1), and this stack
    adds nothing up: with a gain of 8.7 a signal keeps its size through any number of layers."""


def gate(y: Tensor) -> Tensor:
    """The tanh of the first half of the features times the sigmoid of the second.

    In float32 at least: a CPU takes longer for both in half precision.
    """
    dtype = keras.backend.result_type(y.dtype, "float32")
    signal, opening = ops.split(ops.cast(y, dtype), 2, axis=-1)
    return ops.cast(ops.tanh(signal) * ops.sigmoid(opening), y.dtype)


class GatedPixelCnn(RasterModel):
    """Images → vertical and horizontal stacks → logits."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        colours, features, reach = spec.shape[2], config.features, config.reach
        self.features = features
        gates: dict[str, Any] = {"filters": 2 * features, "colours": colours, "repeats": 2}
        self.down, self.across, self.along, self.mix = [], [], [], []
        for i in range(config.layers):
            far = 1 if i else reach
            kind: Kind = "B" if i else "A"
            window: dict[str, Any] = {"above": far, "left": far, "right": far, "kind": "open"}
            self.down.append(MaskedConv(**gates, **window, gain=config.gain, name=f"down_{i}"))
            self.across.append(MaskedConv(**gates, kind="open", use_bias=False, name=f"across_{i}"))
            self.along.append(MaskedConv(**gates, left=far, kind=kind, name=f"along_{i}"))
            self.mix.append(MaskedConv(features, colours=colours, name=f"mix_{i}"))
        self.make_head(config.head)

    def logits(self, x: Tensor) -> Tensor:
        # The first layer's window ends with the row above.
        shifted = ops.pad(x, [[0, 0], [1, 0], [0, 0], [0, 0]])[:, :-1]
        given = self.vertical(self.down[0](shifted), direct)
        return self.horizontal(self.along[0](x), given, direct)

    def vertical(self, y: Tensor, apply: Any) -> list[Tensor]:
        """What each layer of the vertical stack gives to the horizontal one, from the first's y_v."""
        given = [apply(self.across[0], y)]
        for down, across in zip(self.down[1:], self.across[1:], strict=True):
            y = apply(down, gate(y))
            given.append(apply(across, y))
        return given

    def horizontal(self, y: Tensor, given: list[Tensor], apply: Any) -> Tensor:
        """Logits, from the first layer's own part of y_h and what the vertical stack gives."""
        h = apply(self.mix[0], gate(y + given[0]))
        for along, mix, from_above in zip(self.along[1:], self.mix[1:], given[1:], strict=True):
            h = h + apply(mix, gate(apply(along, h) + from_above))
        return self.head_logits(h, apply)

    def cached_layers(self) -> dict[MaskedConv, int]:
        return {layer: self.features for layer in (*self.down[1:], *self.along[1:])}

    def start(self, batch: int) -> Caches:
        empty = ops.zeros((batch, 1, self.spec.shape[1], 2 * self.features), DTYPE)
        return {**super().start(batch), **{f"given_{i}": empty for i in range(len(self.across))}}

    def begin_row(self, caches: Caches, above_BRWC: Tensor, row: Tensor) -> Caches:
        apply = AtRow(caches)
        given = self.vertical(self.down[0].at(above_BRWC), apply)
        fresh = {layer.name: next_row(caches[layer.name]) for layer in self.along[1:]}
        return {**apply.caches, **fresh, **{f"given_{i}": g for i, g in enumerate(given)}}

    def at_pixel(
        self, caches: Caches, window_BRKC: Tensor, column: Tensor
    ) -> tuple[Tensor, Caches]:
        apply = AtPixel(caches, column)
        given = [column_of(caches[f"given_{i}"], column) for i in range(len(self.across))]
        own_row = window_BRKC[:, -1:, : self.reach + 1]
        logits = self.horizontal(self.along[0].at(own_row), given, apply)
        return logits, apply.caches


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The gated PixelCNN for images of `spec.shape`."""
    return GatedPixelCnn(config, spec, name="gated_pixel_cnn")
