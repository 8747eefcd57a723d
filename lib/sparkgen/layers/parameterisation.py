"""An image as numbers that an optimiser changes: pixels, frequencies, or a pyramid of sizes.

Olah et al., "Feature Visualization", 2017: which numbers stand for an image decides which image an
optimiser finds, since it prefers those that are near in them.
"""

import math
from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
from keras import ops

Tensor = Any
Numbers = tuple[Tensor, ...]

EDGE = 1e-3  # black is taken as this, and white as 1 less it, where a logit is taken
# How the colours of photographs vary together: a root of their covariance, from the code of Olah et al.
COLOURS = np.array([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOURS = (COLOURS / np.linalg.norm(COLOURS, axis=0).max()).astype(np.float32)


class Parameterisation(Protocol):
    """Numbers for images of any height, width and channels."""

    def numbers(self, x_BHWC: Tensor) -> Numbers:
        """The numbers of images in [0, 1]: tensors with B rows."""

    def image(self, numbers: Numbers) -> Tensor:
        """The images of some numbers, float32 (B, H, W, C); those of `numbers(x)` are x."""

    def within(self, numbers: Numbers) -> Numbers:
        """The nearest numbers that are those of images."""


class Clipped:
    """The pixels themselves; a step that leads out of [0, 1] ends at its edge."""

    def numbers(self, x_BHWC: Tensor) -> Numbers:
        """The pixels."""
        return (x_BHWC,)

    def image(self, numbers: Numbers) -> Tensor:
        """The pixels."""
        return numbers[0]

    def within(self, numbers: Numbers) -> Numbers:
        """The pixels, cut to [0, 1]."""
        return (ops.clip(numbers[0], 0.0, 1.0),)


class Pixels:
    """The logits of the pixels. Those of three channels are taken apart into colours that vary alone."""

    def numbers(self, x_BHWC: Tensor) -> Numbers:
        """The numbers of images, whose pixels are cut to [0.001, 0.999]."""
        x_BHWC = ops.clip(x_BHWC, EDGE, 1.0 - EDGE)
        logit_BHWC = ops.log(x_BHWC) - ops.log1p(-x_BHWC)
        if logit_BHWC.shape[-1] == 3:
            logit_BHWC = ops.matmul(logit_BHWC, np.linalg.inv(COLOURS).T)
        return self.taken_apart(logit_BHWC)

    def image(self, numbers: Numbers) -> Tensor:
        """The images of some numbers, in (0, 1)."""
        logit_BHWC = self.put_together(numbers)
        if logit_BHWC.shape[-1] == 3:
            logit_BHWC = ops.matmul(logit_BHWC, COLOURS.T)
        return ops.sigmoid(logit_BHWC)

    def within(self, numbers: Numbers) -> Numbers:
        """The same numbers: all are those of an image."""
        return numbers

    def taken_apart(self, logit_BHWC: Tensor) -> Numbers:
        """Numbers that stand for logits."""
        return (logit_BHWC,)

    def put_together(self, numbers: Numbers) -> Tensor:
        """The logits that some numbers stand for."""
        return numbers[0]


class Fourier(Pixels):
    """The frequencies of the logits, each divided by what a frequency has in photographs, about 1/f.

    So a step changes what is large more than what is small, and an optimiser makes what is smooth. The
    transform is that of Hartley, which is real and its own inverse: there are as many numbers as pixels.
    """

    def taken_apart(self, logit_BHWC: Tensor) -> Numbers:
        """The frequencies of logits over 1/f."""
        return (self._transformed(logit_BHWC) / _falling(*logit_BHWC.shape[1:3]),)

    def put_together(self, numbers: Numbers) -> Tensor:
        """The logits of frequencies over 1/f."""
        return self._transformed(numbers[0] * _falling(*numbers[0].shape[1:3]))

    @staticmethod
    def _transformed(x_BHWC: Tensor) -> Tensor:
        _, height, width, _ = x_BHWC.shape
        return ops.einsum("gh,bhwc,vw->bgvc", _hartley(height), x_BHWC, _hartley(width))


class Pyramid(Pixels):
    """The logits as a sum of pictures of 1, 1/2, 1/4, ... of the size, down to 4 pixels, each enlarged.

    Burt and Adelson, "The Laplacian Pyramid as a Compact Image Code", 1983. A step changes what is large
    in all of them at once, and what is small in one.
    """

    def taken_apart(self, logit_BHWC: Tensor) -> Numbers:
        """The pictures whose sum logits are, from the smallest to the full size."""
        size, found, rest = tuple(logit_BHWC.shape[1:3]), [], logit_BHWC
        for power in reversed(range(max(1, int(math.log2(max(min(size), 4))) - 1))):
            smaller = tuple(-(-side // 2**power) for side in size)
            found.append(ops.image.resize(rest, smaller, antialias=True) if power else rest)
            rest = rest - ops.image.resize(found[-1], size) if power else rest
        return tuple(found)

    def put_together(self, numbers: Numbers) -> Tensor:
        """The sum of pictures, each enlarged to the size of the last one."""
        size = tuple(numbers[-1].shape[1:3])
        return sum((ops.image.resize(one, size) for one in numbers[:-1]), numbers[-1])


PARAMETERISATIONS: Mapping[str, Parameterisation] = {
    "clipped": Clipped(),
    "pixels": Pixels(),
    "fourier": Fourier(),
    "pyramid": Pyramid(),
}
"""By name."""


def smooth_noise(field_BHWC: Tensor) -> Tensor:
    """Noise of 1/f, as is in photographs, with variance 1, made of white noise with variance 1."""
    return Fourier().put_together((field_BHWC,))


def _hartley(size: int) -> Tensor:
    """The matrix of Hartley's transform: symmetric, orthogonal, float32 (size, size)."""
    turns = 2 * np.pi * (np.outer(np.arange(size), np.arange(size)) % size) / size
    return ((np.cos(turns) + np.sin(turns)) / np.sqrt(size)).astype(np.float32)


def _falling(height: int, width: int) -> Tensor:
    """1/f at each frequency, as at one turn for those below, with a mean square of 1: (H, W, 1)."""
    f_HW = np.hypot(np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)[None])
    falling_HW = 1.0 / np.maximum(f_HW, 1.0 / max(height, width))
    return (falling_HW / np.sqrt(np.mean(falling_HW**2)))[:, :, None].astype(np.float32)
