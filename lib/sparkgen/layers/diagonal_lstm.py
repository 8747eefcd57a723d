"""The diagonal LSTMs of PixelRNN run over a whole image, or pixel by pixel.

van den Oord et al., "Pixel Recurrent Neural Networks", 2016, section 3.2; the equations are those of
`layers.row_lstm`. Shape suffixes as there, and S = H + W - 1 diagonals.
"""

from collections.abc import Sequence
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


def free(shape: Sequence[int | None]) -> tuple[int, ...]:
    """A shape in which -1 stands for the axis of unknown size."""
    return tuple(-1 if n is None else n for n in shape)


def first(x: Tensor, axis: int, size: int) -> Tensor:
    """The first `size` entries of an axis of `x`; axes of unknown size stay whole.

    TensorFlow computes the gradient of Python's own slice, `x[:, :size]`, far more slowly.
    """
    shape = list(free(x.shape))
    shape[axis] = size
    return ops.slice(x, [0] * len(shape), shape)


def skew(x_HWFB: Tensor) -> Tensor:
    """Row i moved right by i, so that diagonals become columns: (H, S, F, B)."""
    height, width, *entry = x_HWFB.shape
    x = ops.pad(x_HWFB, [[0, 0], [0, height], [0, 0], [0, 0]])
    x = ops.reshape(x, (height * (width + height), *free(entry)))
    x = first(x, 0, height * (width + height - 1))
    return ops.reshape(x, (height, width + height - 1, *free(entry)))


def unskew(x_HSFB: Tensor) -> Tensor:
    """The inverse of `skew`: (H, S, F, B) → (H, W, F, B)."""
    height, diagonals, *entry = x_HSFB.shape
    x = ops.reshape(x_HSFB, (height * diagonals, *free(entry)))
    x = ops.pad(x, [[0, height], [0, 0], [0, 0]])
    x = ops.reshape(x, (height, diagonals + 1, *free(entry)))
    return first(x, 1, diagonals + 1 - height)


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
        x = ops.flip(x_BHWC, axis=2) if self.leftward else x_BHWC
        # With the batch last, all that is moved, cut and joined lies in pieces of B at least; N = H · B.
        x_SCHB = ops.transpose(skew(ops.transpose(x, (1, 2, 3, 0))), (1, 2, 0, 3))
        inside_SH1 = ops.cast(self.inside_SH[..., None], x.dtype)
        zero_FHB = ops.zeros((self.features, x.shape[1], ops.shape(x)[0]), x.dtype)
        kernel, bias_G1 = self._kernel_and_bias(x.dtype)

        def step(state: tuple[Tensor, Tensor], entry: tuple[Tensor, Tensor]) -> Any:
            (h, c), (x_CHB, inside_H1) = state, entry
            seen_N = ops.reshape(ops.concatenate([x_CHB, lowered(h), h]), (kernel.shape[1], -1))
            gates = ops.matmul(kernel, seen_N) + bias_G1
            gates_GHB = ops.reshape(gates, (kernel.shape[0], *free(h.shape[1:])))
            return lstm_step(gates_GHB, c, axis=0, inside=inside_H1)

        h_SFHB, _ = scan(step, (zero_FHB, zero_FHB), (x_SCHB, inside_SH1))
        h = ops.transpose(unskew(ops.transpose(h_SFHB, (2, 0, 1, 3))), (3, 0, 1, 2))
        return lowered(ops.flip(h, axis=2)) if self.leftward else h

    def _kernel_and_bias(self, dtype: Any) -> tuple[Tensor, Tensor]:
        """K_is and K_ss in one, (G, C + 2F), and the bias, (G, 1)."""
        kernels = [layer.masked_kernel(dtype) for layer in (self.from_input, self.from_state)]
        flat = ops.concatenate([ops.reshape(k, (-1, 4 * self.features)) for k in kernels])
        return ops.transpose(flat), ops.cast(self.from_input.bias, dtype)[:, None]

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
