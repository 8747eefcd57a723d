"""The diagonal LSTMs of PixelRNN run over a whole image, or pixel by pixel.

van den Oord et al., "Pixel Recurrent Neural Networks", 2016, section 3.2; the equations are those of
`layers.row_lstm`. Shape suffixes as there, and S = H + W - 1 diagonals.
"""

from typing import Any

import keras
import numpy as np
from keras import ops

from sparkgen.layers.compiled import scan
from sparkgen.layers.masked import Kind, MaskedConv
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.layers.raster import DTYPE, AtPixel, Caches, column_of, with_column
from sparkgen.layers.row_lstm import lstm_step

Tensor = Any


def first(x: Tensor, axis: int, size: int) -> Tensor:
    """The first `size` entries of an axis of `x`; axes of unknown size stay whole.

    TensorFlow computes the gradient of Python's own slice, `x[:, :size]`, far more slowly.
    """
    shape = [-1 if n is None else n for n in x.shape]
    shape[axis] = size
    return ops.slice(x, [0] * len(shape), shape)


def skew(x_BHWF: Tensor) -> Tensor:
    """Row i moved right by i, so that diagonals become columns: (B, H, S, F)."""
    _, height, width, features = x_BHWF.shape
    x = ops.pad(x_BHWF, [[0, 0], [0, 0], [0, height], [0, 0]])
    x = ops.reshape(x, (-1, height * (width + height), features))
    x = first(x, 1, height * (width + height - 1))
    return ops.reshape(x, (-1, height, width + height - 1, features))


def unskew(x_BHSF: Tensor) -> Tensor:
    """The inverse of `skew`: (B, H, S, F) → (B, H, W, F)."""
    _, height, diagonals, features = x_BHSF.shape
    x = ops.reshape(x_BHSF, (-1, height * diagonals, features))
    x = ops.pad(x, [[0, 0], [0, height], [0, 0]])
    return first(ops.reshape(x, (-1, height, diagonals + 1, features)), 2, diagonals + 1 - height)


def lowered(x: Tensor) -> Tensor:
    """(·, H, ...) with the rows moved down by one, the first being zero."""
    margins = [[0, 0], [1, 0]] + [[0, 0]] * (len(x.shape) - 2)
    return ops.pad(first(x, 1, x.shape[1] - 1), margins)


class DiagonalLstm(keras.layers.Layer):
    """An LSTM that goes along the diagonals: K_is is 1×1, K_ss sees the states above and beside.

    Args:
        features: F.
        colours: of the image.
        leftward: whether it goes from right to left. Its state at a pixel then knows pixels that come
            later in the row, so what it gives to a pixel is the state of the pixel above.
        name: of the layer.
    """

    def __init__(self, features: int, *, colours: int, leftward: bool, name: str) -> None:
        super().__init__(**KEEPS_DTYPE, name=name)
        self.features, self.leftward = features, leftward
        gates: dict[str, Any] = {"filters": 4 * features, "colours": colours, "repeats": 4}
        kind: Kind = "open" if leftward else "B"
        self.from_input = MaskedConv(**gates, kind=kind, name=f"{name}_from_input")
        self.from_state = MaskedConv(
            **gates, kind="open", use_bias=False, name=f"{name}_from_state"
        )

    def build(self, input_shape: Any) -> None:
        _, height, width, self.channels = input_shape
        self.from_input.build(input_shape)
        self.from_state.build((None, None, None, 2 * self.features))
        row_1H, diagonal_S1 = np.arange(height)[None], np.arange(height + width - 1)[:, None]
        column_SH = diagonal_S1 - row_1H
        self.inside_SH = (column_SH >= 0) & (column_SH < width)

    def call(self, x_BHWC: Tensor) -> Tensor:
        """(B, H, W, C) → h, of the pixel or of the one above, (B, H, W, F)."""
        gates = self.from_input(x_BHWC)
        gates = ops.flip(gates, axis=2) if self.leftward else gates
        # With features first, what is cut and joined in every step lies in one piece; N = H · B.
        gates_SGHB = ops.transpose(skew(gates), (2, 3, 1, 0))
        inside_SH1 = ops.cast(self.inside_SH[..., None], gates.dtype)
        zero_FHB = ops.zeros_like(gates_SGHB[0, : self.features])
        kernel = self.from_state.masked_kernel(gates.dtype)
        kernel_G2F = ops.transpose(ops.reshape(kernel, (2 * self.features, 4 * self.features)))

        def step(state: tuple[Tensor, Tensor], entry: tuple[Tensor, Tensor]) -> Any:
            (h, c), (gates_GHB, inside_H1) = state, entry
            states_2FN = ops.reshape(ops.concatenate([lowered(h), h]), (2 * self.features, -1))
            given_GHB = ops.reshape(ops.matmul(kernel_G2F, states_2FN), ops.shape(gates_GHB))
            h, c = lstm_step(gates_GHB + given_GHB, c, axis=0)
            return h * inside_H1, c * inside_H1

        h_SFHB, _ = scan(step, (zero_FHB, zero_FHB), (gates_SGHB, inside_SH1))
        h_BHWF = unskew(ops.transpose(h_SFHB, (3, 2, 0, 1)))
        if not self.leftward:
            return h_BHWF
        return lowered(ops.flip(h_BHWF, axis=2))

    def moved(
        self, states: tuple[Tensor, Tensor, Tensor], gates: Tensor, *, at: Tensor, beside: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The rows of h and c with column `at` made new.

        Args:
            states: the rows of h above, of h and of c, with their margin.
            gates: of the input at the pixel.
            at: column of the pixel.
            beside: column of the pixel before it.
        """
        h_above, h, c = states
        new_h, new_c = self.next_state(
            gates, column_of(h_above, at), column_of(h, beside), column_of(c, beside)
        )
        return with_column(h, at, new_h), with_column(c, at, new_c)

    def next_state(
        self, gates: Tensor, above: Tensor, beside: Tensor, c: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The new h and c from the input's gates, h above and beside, and c beside."""
        states = ops.concatenate([above, beside], axis=-1)
        return lstm_step(gates + self.from_state.inside(states), c)

    def start(self, batch: int, width: int) -> Caches:
        """The caches before the first row: states of one row, with a margin where it begins."""
        state = ops.zeros((batch, 1, width + 1, self.features), DTYPE)
        caches = {f"{self.name}_h_above": state, f"{self.name}_h": state, f"{self.name}_c": state}
        if self.leftward:
            caches[f"{self.name}_x"] = ops.zeros((batch, 1, width, self.channels), DTYPE)
        return caches

    def begin_row(self, caches: Caches, row: Tensor) -> Caches:
        """The caches of a new row: leftward, the states of the row above, from its inputs."""
        h, c = caches[f"{self.name}_h"], caches[f"{self.name}_c"]
        if self.leftward:
            h, c = self.leftward_row(h, c, caches[f"{self.name}_x"])
            # Above the first row there is no row.
            h, c = h * ops.cast(row > 0, DTYPE), c * ops.cast(row > 0, DTYPE)
        return {
            **caches,
            f"{self.name}_h_above": h,
            f"{self.name}_h": h,
            f"{self.name}_c": c,
        }

    def leftward_row(self, h_above: Tensor, c: Tensor, x_B1WC: Tensor) -> tuple[Tensor, Tensor]:
        """The rows of h and c of a whole row, from its inputs and the rows above."""
        gates = self.from_input.at(x_B1WC)
        width = gates.shape[2]

        def step(index: Tensor, state: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
            column = width - 1 - index
            here = column_of(gates, column)
            return self.moved((h_above, *state), here, at=column, beside=column + 1)

        return ops.fori_loop(0, width, step, (h_above, c))

    def at_pixel(self, apply: AtPixel, x_B11C: Tensor) -> Tensor:
        """What `call` gives at one pixel: (B, 1, 1, F)."""
        caches, column = apply.caches, apply.column
        if self.leftward:
            caches[f"{self.name}_x"] = with_column(caches[f"{self.name}_x"], column, x_B11C)
            return column_of(caches[f"{self.name}_h"], column)
        states = tuple(caches[f"{self.name}_{part}"] for part in ("h_above", "h", "c"))
        h, c = self.moved(states, self.from_input.at(x_B11C), at=column + 1, beside=column)
        caches[f"{self.name}_h"], caches[f"{self.name}_c"] = h, c
        return column_of(h, column + 1)
