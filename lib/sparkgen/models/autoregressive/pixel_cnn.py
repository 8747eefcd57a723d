"""PixelCNN has masked convolutions in residual blocks.

van den Oord et al., "Pixel Recurrent Neural Networks", 2016, sections 3.3 to 3.5. A k×k convolution
of mask A, then residual blocks of 2F features,

    h ← h + conv1×1(relu(conv3×3_B(relu(conv1×1(relu(h)))))),

squeezed to F features inside, then two 1×1 convolutions to the logits. As in the paper the masked
convolutions leave a blind spot: pixels above and to the right that no chain of windows reaches.
"""

from typing import Any

from keras import ops
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.raster import AtPixel, Caches, direct, next_rows
from sparkgen.models.autoregressive._sequential import RasterConfig, RasterModel
from sparkgen.models.contract import GenerativeModel, Tensor


class Config(RasterConfig):
    """Options of PixelCNN."""

    features: int = Field(16, gt=0)
    """F, of the 3×3 convolutions; the residual stream has 2F."""
    blocks: int = Field(15, ge=0)
    """Residual blocks."""


class PixelCnn(RasterModel):
    """Images → mask A → residual blocks of mask B → logits."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        colours, features = spec.shape[2], config.features
        self.features, self.first = features, self.first_layer(2 * features)
        self.squeeze, self.look, self.widen = [], [], []
        for i in range(config.blocks):
            self.squeeze.append(MaskedConv(features, colours=colours, name=f"squeeze_{i}"))
            self.look.append(
                MaskedConv(features, above=1, left=1, right=1, colours=colours, name=f"look_{i}")
            )
            self.widen.append(MaskedConv(2 * features, colours=colours, name=f"widen_{i}"))
        self.make_head(config.head)

    def logits(self, x: Tensor) -> Tensor:
        return self.after_first(self.first(x), direct)

    def after_first(self, h: Tensor, apply: Any) -> Tensor:
        """Logits from the first layer's features, `apply(layer, x)` being how layers are applied."""
        for squeeze, look, widen in zip(self.squeeze, self.look, self.widen, strict=True):
            y = apply(squeeze, ops.relu(h))
            y = apply(look, ops.relu(y))
            h = h + apply(widen, ops.relu(y))
        return self.head_logits(h, apply)

    def cached_layers(self) -> dict[MaskedConv, int]:
        return {layer: self.features for layer in self.look}

    def begin_row(self, caches: Caches, above_BRWC: Tensor, row: Tensor) -> Caches:
        return next_rows(caches)

    def at_pixel(
        self, caches: Caches, window_BRKC: Tensor, column: Tensor
    ) -> tuple[Tensor, Caches]:
        apply = AtPixel(caches, column)
        logits = self.after_first(self.first.at(window_BRKC), apply)
        return logits, apply.caches


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """PixelCNN for images of `spec.shape`."""
    return PixelCnn(config, spec, name="pixel_cnn")
