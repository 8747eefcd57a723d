"""PixelRNN has masked convolutions and two-dimensional LSTMs in residual layers.

van den Oord et al., "Pixel Recurrent Neural Networks", 2016. A k×k convolution of mask A to 2F
features, then residual layers h ← h + conv1×1(lstm(h)), then two 1×1 convolutions to the logits. The
LSTM is the row LSTM (`layers.row_lstm`), which sees a triangle of pixels above, or the diagonal
BiLSTM (`layers.diagonal_lstm`), which sees all: one goes right along the diagonals, one goes left,
and the second is moved down by a row before the two are added. As in the paper, mask A keeps a row's
last pixel from that row's own states: the row below sees it only where the first window reaches it.
"""

from typing import Any, Literal

from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.diagonal_lstm import DiagonalLstm
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.raster import AtPixel, Caches, direct
from sparkgen.layers.row_lstm import RowLstm
from sparkgen.models.autoregressive._sequential import RasterConfig, RasterModel
from sparkgen.models.contract import GenerativeModel, Tensor


class Config(RasterConfig):
    """Options of PixelRNN."""

    lstm: Literal["row", "diagonal"] = "diagonal"
    """The row LSTM or the diagonal BiLSTM."""
    features: int = Field(16, gt=0)
    """F, of a state; the residual stream has 2F."""
    layers: int = Field(7, gt=0)
    """Residual LSTM layers."""


def lstms(config: Config, colours: int, index: int) -> list[RowLstm | DiagonalLstm]:
    """The LSTMs of one residual layer, whose states are added."""
    if config.lstm == "row":
        return [RowLstm(config.features, colours=colours, name=f"row_{index}")]
    return [
        DiagonalLstm(config.features, colours=colours, leftward=leftward, name=f"{way}_{index}")
        for leftward, way in ((False, "right"), (True, "left"))
    ]


class PixelRnn(RasterModel):
    """Images → mask A → residual LSTMs → logits."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        colours, width = spec.shape[2], 2 * config.features
        self.first = self.first_layer(width)
        self.lstms = [lstms(config, colours, i) for i in range(config.layers)]
        self.widen = [
            MaskedConv(width, colours=colours, name=f"widen_{i}") for i in range(config.layers)
        ]
        self.make_head(config.head)

    def logits(self, x: Tensor) -> Tensor:
        h = self.first(x)
        for layer, widen in zip(self.lstms, self.widen, strict=True):
            h = h + widen(sum(lstm(h) for lstm in layer))
        return self.head_logits(h, direct)

    def start(self, batch: int) -> Caches:
        caches: Caches = {}
        for layer in self.lstms:
            for lstm in layer:
                caches |= lstm.start(batch, self.spec.shape[1])
        return caches

    def begin_row(self, caches: Caches, above_BRWC: Tensor, row: Tensor) -> Caches:
        for layer in self.lstms:
            for lstm in layer:
                caches = lstm.begin_row(caches, row)
        return caches

    def at_pixel(
        self, caches: Caches, window_BRKC: Tensor, column: Tensor
    ) -> tuple[Tensor, Caches]:
        apply = AtPixel(caches, column)
        h = self.first.at(window_BRKC)
        for layer, widen in zip(self.lstms, self.widen, strict=True):
            h = h + widen.at(sum(lstm.at_pixel(apply, h) for lstm in layer))
        return self.head_logits(h, apply), apply.caches


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """PixelRNN for images of `spec.shape`."""
    return PixelRnn(config, spec, name="pixel_rnn")
