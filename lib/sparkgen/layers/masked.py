"""Masked layers, dense and convolutional, use only inputs that come earlier in an order.

Pixels are ordered by row, then column, then channel (R, G, B). A layer computes in the dtype of
what it is given, so that one set of weights trains in float32 and samples in float64.

Shape suffixes: B rows, H and W the image's height and width, C channels in, F features out.
"""

from typing import Any, Literal

import keras
import numpy as np
import numpy.typing as npt
from keras import ops

from sparkgen.layers.network import KEEPS_DTYPE

Tensor = Any
Kind = Literal["A", "B", "open"]


def colour_groups(features: int, colours: int, repeats: int = 1) -> npt.NDArray[np.int64]:
    """Which colour each feature belongs to: equal runs of 0 .. colours - 1, `repeats` times over."""
    each = features // repeats
    return np.tile(np.arange(each) * colours // each, repeats)


def causal_mask(
    *, rows: int, left: int, right: int, kind: Kind, seen: npt.ArrayLike, seeing: npt.ArrayLike
) -> npt.NDArray[np.float32]:
    """1 for inputs that a convolution may use, 0 elsewhere; the last row is the pixel's own.

    At the pixel itself, kind `A` (van den Oord et al., "Pixel Recurrent Neural Networks", 2016,
    section 3.4) sees the earlier colours, `B` its own colour as well; `open` sees everything.

    Args:
        rows: of the kernel.
        left: columns left of the pixel.
        right: columns right of the pixel.
        kind: of the mask.
        seen: the colours of the C features in.
        seeing: the colours of the F features out.

    Returns:
        float32 (rows, left + 1 + right, C, F).
    """
    seen_C1, seeing_1F = np.asarray(seen)[:, None], np.asarray(seeing)[None]
    mask = np.ones((rows, left + 1 + right, seen_C1.size, seeing_1F.size), np.float32)
    if kind != "open":
        mask[-1, left] = seen_C1 < seeing_1F if kind == "A" else seen_C1 <= seeing_1F
        mask[-1, left + 1 :] = 0
    return mask


class MaskedConv(keras.layers.Layer):
    """A convolution with the rows above a pixel and the pixel's own row, masked by `causal_mask`.

    Args:
        filters: F.
        above: kernel rows above the pixel.
        left: kernel columns left of it.
        right: kernel columns right of it, which only the rows above may use.
        kind: `A`, `B` or `open`.
        colours: of the image.
        repeats: how many times over the features out run through the colours, as for gates.
        use_bias: whether there is a bias.
        gain: the variance of a feature's initial weights times their number; None: that of Glorot.
    """

    def __init__(
        self,
        filters: int,
        *,
        above: int = 0,
        left: int = 0,
        right: int = 0,
        kind: Kind = "B",
        colours: int = 1,
        repeats: int = 1,
        use_bias: bool = True,
        gain: float | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.filters, self.kind, self.colours, self.repeats = filters, kind, colours, repeats
        self.above, self.left, self.right, self.use_bias = above, left, right, use_bias
        self.gain = gain

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        self.mask = causal_mask(
            rows=self.above + 1,
            left=self.left,
            right=self.right,
            kind=self.kind,
            seen=colour_groups(channels, self.colours),
            seeing=colour_groups(self.filters, self.colours, self.repeats),
        )
        scaled = keras.initializers.VarianceScaling
        initial = "glorot_uniform" if self.gain is None else scaled(self.gain)
        self.kernel = self.add_weight(shape=self.mask.shape, initializer=initial, name="kernel")
        if self.use_bias:
            self.bias = self.add_weight(shape=(self.filters,), initializer="zeros", name="bias")

    def masked_kernel(self, dtype: Any) -> Tensor:
        """The kernel, zero where the mask is zero: (above + 1, left + 1 + right, C, F)."""
        return ops.cast(self.kernel, dtype) * ops.cast(self.mask, dtype)

    def call(self, x_BHWC: Tensor) -> Tensor:
        """(B, H, W, C) → (B, H, W, F), zeros taken outside the image."""
        margins = [[0, 0], [self.above, 0], [self.left, self.right], [0, 0]]
        return self.inside(
            ops.pad(x_BHWC, margins) if self.above + self.left + self.right else x_BHWC
        )

    def inside(self, x_BHWC: Tensor) -> Tensor:
        """The convolution of an image that brings its own margins."""
        kernel = self.masked_kernel(x_BHWC.dtype)
        if kernel.shape[0] * kernel.shape[1] == 1:
            return self._product(x_BHWC, kernel, x_BHWC.shape[1:3])
        y = ops.conv(x_BHWC, kernel, padding="valid", data_format="channels_last")
        return self._biased(y)

    def at(self, rows_BRWC: Tensor) -> Tensor:
        """`inside` for a window as high as the kernel, as a matrix product: (B, 1, W', F).

        A window as wide as the kernel gives one pixel, a wider one the pixels of a row. In float64,
        and for single pixels, this is far faster than a convolution.
        """
        wide = self.left + 1 + self.right
        pixels = rows_BRWC.shape[2] - wide + 1
        if pixels > 1:
            shifted = [rows_BRWC[:, :, k : k + pixels] for k in range(wide)]
            rows_BRWC = ops.transpose(ops.stack(shifted, axis=3), (0, 2, 1, 3, 4))
        return self._product(rows_BRWC, self.masked_kernel(rows_BRWC.dtype), (1, pixels))

    def _product(self, windows: Tensor, kernel: Tensor, shape: tuple[int, ...]) -> Tensor:
        """One row of the matrix a window, one column a feature: (B, *shape, F)."""
        flat_kernel = ops.reshape(kernel, (-1, self.filters))
        y = ops.matmul(ops.reshape(windows, (-1, flat_kernel.shape[0])), flat_kernel)
        return ops.reshape(self._biased(y), (-1, *shape, self.filters))

    def _biased(self, y: Tensor) -> Tensor:
        return y + ops.cast(self.bias, y.dtype) if self.use_bias else y


class MaskedDense(keras.layers.Layer):
    """A dense layer whose units use only the inputs that their degree allows.

    A unit of degree m depends on the first m inputs at most (Germain et al., "MADE", 2015): it sees
    units of degree up to its own, or, where `strict`, below its own.

    Args:
        seen: degrees of the units in.
        degrees: of the units out.
        strict: whether equal degrees are hidden from each other.
        use_bias: whether there is a bias.
    """

    def __init__(
        self,
        seen: npt.ArrayLike,
        degrees: npt.ArrayLike,
        *,
        strict: bool = False,
        use_bias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)
        seen_I1, degrees_1F = np.asarray(seen)[:, None], np.asarray(degrees)[None]
        visible = seen_I1 < degrees_1F if strict else seen_I1 <= degrees_1F
        self.mask, self.use_bias = visible.astype(np.float32), use_bias

    def build(self, input_shape: Any) -> None:
        self.kernel = self.add_weight(
            shape=self.mask.shape, initializer="glorot_uniform", name="kernel"
        )
        if self.use_bias:
            self.bias = self.add_weight(shape=self.mask.shape[1:], initializer="zeros", name="bias")

    def call(self, x_BI: Tensor) -> Tensor:
        """(B, I) → (B, F)."""
        return self.columns(x_BI, 0, self.mask.shape[1])

    def columns(self, x_BI: Tensor, start: Any, width: int) -> Tensor:
        """The units `start` .. `start + width - 1` alone: (B, width)."""
        size = self.mask.shape[0]
        kernel = ops.cast(self.kernel, x_BI.dtype) * ops.cast(self.mask, x_BI.dtype)
        y = ops.matmul(x_BI, ops.slice(kernel, (0, start), (size, width)))
        if self.use_bias:
            y += ops.slice(ops.cast(self.bias, y.dtype), (start,), (width,))
        return y
