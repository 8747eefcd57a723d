"""The row LSTM of PixelRNN runs over a whole image, or pixel by pixel.

van den Oord et al., "Pixel Recurrent Neural Networks", 2016, section 3.1. With input-to-state and
state-to-state convolutions K_is, K_ss:

    [o, f, i, g] = K_is x + K_ss h,   c ← σ(f) ⊙ c + σ(i) ⊙ tanh(g),   h ← σ(o) ⊙ tanh(c).

States outside the image are zero. Shape suffixes: B rows of the batch, H and W height and width,
C channels in, F features of the state, G = 4F gates.
"""

from typing import Any

import keras
from keras import ops

from sparkgen.layers.compiled import scan
from sparkgen.layers.masked import MaskedConv
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.raster import (
    DTYPE,
    AtPixel,
    Caches,
    column_of,
    empty_cache,
    next_row,
    with_column,
)

Tensor = Any


def lstm_step(
    gates: Tensor, c: Tensor, *, axis: int = -1, inside: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """The new h and c (F along `axis`) from the gates (G along it) and the c before.

    Where `inside`, of a shape that broadcasts to c, is 0, both become zero; where it is 1 they stay.
    """
    o, f, i, g = ops.split(gates, 4, axis=axis)
    c = ops.sigmoid(f) * c + ops.sigmoid(i) * ops.tanh(g)
    c = c if inside is None else c * inside
    return ops.sigmoid(o) * ops.tanh(c), c


class RowLstm(keras.layers.Layer):
    """An LSTM that goes down the rows: K_is is 1×3 and masked, K_ss is 1×3 over the row above."""

    def __init__(self, features: int, *, colours: int, name: str) -> None:
        super().__init__(**KEEPS_DTYPE, name=name)
        self.features = features
        gates: dict[str, Any] = {"filters": 4 * features, "colours": colours, "repeats": 4}
        self.from_input = MaskedConv(**gates, left=1, name=f"{name}_from_input")
        self.from_state = MaskedConv(
            **gates, left=1, right=1, kind="open", use_bias=False, name=f"{name}_from_state"
        )

    def build(self, input_shape: Any) -> None:
        self.channels = input_shape[-1]
        self.from_input.build(input_shape)
        self.from_state.build((*input_shape[:-1], self.features))

    def call(self, x_BHWC: Tensor) -> Tensor:
        """(B, H, W, C) → h (B, H, W, F)."""
        gates_HBWG = ops.moveaxis(self.from_input(x_BHWC), 1, 0)
        zero_B1WF = ops.zeros_like(gates_HBWG[0][:, None, :, : self.features])

        def step(state: tuple[Tensor, Tensor], entry: tuple[Tensor]) -> tuple[Tensor, Tensor]:
            (h, c), (gates_BWG,) = state, entry
            return lstm_step(ops.expand_dims(gates_BWG, 1) + self.from_state(h), c)

        h_HB1WF, _ = scan(step, (zero_B1WF, zero_B1WF), (gates_HBWG,))
        return ops.moveaxis(ops.squeeze(h_HB1WF, 2), 0, 1)

    def start(self, batch: int, width: int) -> Caches:
        """The caches before the first row."""
        state = ops.zeros((batch, 1, width, self.features), DTYPE)
        given = ops.zeros((batch, 1, width, 4 * self.features), DTYPE)
        inputs = empty_cache(self.from_input, batch=batch, width=width, channels=self.channels)
        return {
            self.from_input.name: inputs,
            f"{self.name}_h": state,
            f"{self.name}_c": state,
            f"{self.name}_c_above": state,
            f"{self.name}_given": given,
        }

    def begin_row(self, caches: Caches, row: Tensor) -> Caches:
        """The caches of a new row: what the states of the row above give to it."""
        margins = [[0, 0], [0, 0], [1, 1], [0, 0]]
        return {
            **caches,
            self.from_input.name: next_row(caches[self.from_input.name]),
            f"{self.name}_given": self.from_state.at(ops.pad(caches[f"{self.name}_h"], margins)),
            f"{self.name}_c_above": caches[f"{self.name}_c"],
        }

    def at_pixel(self, apply: AtPixel, x_B11C: Tensor) -> Tensor:
        """The state h at one pixel: (B, 1, 1, F)."""
        caches, column = apply.caches, apply.column
        gates = apply(self.from_input, x_B11C) + column_of(caches[f"{self.name}_given"], column)
        h, c = lstm_step(gates, column_of(caches[f"{self.name}_c_above"], column))
        caches[f"{self.name}_h"] = with_column(caches[f"{self.name}_h"], column, h)
        caches[f"{self.name}_c"] = with_column(caches[f"{self.name}_c"], column, c)
        return h
