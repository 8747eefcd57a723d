"""U-Net maps an image and a vector to an image of the same shape.

Ronneberger et al., "U-Net: Convolutional Networks for Biomedical Image Segmentation", 2015, in the
form of Ho et al., "Denoising Diffusion Probabilistic Models", 2020: residual blocks with group
normalisation, the vector added inside each, self-attention on the coarsest maps, and a way across
from every block on the way down to its partner on the way up. What differs: as many blocks up as
down, and the image may be folded into patches first (Hoogeboom et al., "Simple Diffusion", 2023),
which spares the costly convolutions at full resolution.

A U-Net with `prompted` sees the words of a prompt as well, wherever it has self-attention.
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from sparkgen.errors import RequestError
from sparkgen.layers.network import KEEPS_DTYPE, Composite
from sparkgen.layers.prompts import CrossAttention

Tensor = Any
GROUPS = 8  # of group normalisation; every channel count is a multiple of it
LONGEST_PERIOD = 10_000.0  # of the sinusoids of a time, as in Vaswani et al., 2017


class Widths(NamedTuple):
    """The sizes of a U-Net."""

    channels: tuple[int, ...]
    """Of every level, the finest first; each next level has half the sides."""
    blocks: int
    """Residual blocks for each level, on the way down and on the way up."""
    attention_levels: int
    """Of the coarsest levels, those with self-attention."""
    patch: int
    """Side of the patches that the image is folded into."""

    def check(self, shape: tuple[int, ...], option: str = "channels") -> None:
        """Raises `RequestError` where images of `shape` cannot be halved and folded so often.

        `option` is that of the model which states the channels.
        """
        scale = self.patch * 2 ** (len(self.channels) - 1)
        if shape[0] % scale or shape[1] % scale:
            raise RequestError(
                f"images with sides that are multiples of {scale}",
                found=f"{shape[0]} x {shape[1]}",
                mend=f"give model.options.{option} fewer levels, or resize the dataset",
            )


def sinusoids(time: Tensor, size: int) -> Tensor:
    """The embedding of times (B,), in steps: cosines and sines of `size / 2` frequencies, (B, size)."""
    half = size // 2
    exponents = ops.arange(half, dtype="float32") / half
    angles_BF = ops.expand_dims(time, 1) * ops.exp(-math.log(LONGEST_PERIOD) * exponents)
    return ops.concatenate([ops.cos(angles_BF), ops.sin(angles_BF)], axis=-1)


def time_embedding(size: int) -> keras.Sequential:
    """Two dense layers from `sinusoids` of `size` to the vector (B, `size`) of a time."""
    dense = keras.layers.Dense
    return keras.Sequential([dense(size, "silu"), dense(size)], name="embed_time")


def fold(x_BHWC: Tensor, patch: int) -> Tensor:
    """Patches of `patch` × `patch` pixels as channels: (B, H / patch, W / patch, patch² C)."""
    _, height, width, channels = x_BHWC.shape
    rows, columns = height // patch, width // patch
    x = ops.reshape(x_BHWC, (-1, rows, patch, columns, patch, channels))
    return ops.reshape(
        ops.transpose(x, (0, 1, 3, 2, 4, 5)), (-1, rows, columns, patch**2 * channels)
    )


def unfold(x_BRSD: Tensor, patch: int) -> Tensor:
    """The inverse of `fold`."""
    _, rows, columns, depth = x_BRSD.shape
    channels = depth // patch**2
    x = ops.reshape(x_BRSD, (-1, rows, columns, patch, patch, channels))
    x = ops.transpose(x, (0, 1, 3, 2, 4, 5))
    return ops.reshape(x, (-1, rows * patch, columns * patch, channels))


class ResidualBlock(keras.layers.Layer):
    """x + conv(silu(norm(conv(silu(norm(x))) + W e))), of `channels` channels."""

    def __init__(self, channels: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.first_norm = keras.layers.GroupNormalization(GROUPS)
        self.first = _convolution(channels)
        self.steer = keras.layers.Dense(channels)
        self.second_norm = keras.layers.GroupNormalization(GROUPS)
        # Zero, so that a block starts as the identity.
        self.second = _convolution(channels, kernel_initializer="zeros")
        self.channels = channels

    def build(self, input_shape: Any) -> None:
        same = input_shape[-1] == self.channels
        self.skip = keras.layers.Identity() if same else keras.layers.Dense(self.channels)

    def call(self, x_BHWC: Tensor, steering_BE: Tensor) -> Tensor:
        h_BHWC = self.first(ops.silu(self.first_norm(x_BHWC)))
        h_BHWC += self.steer(steering_BE)[:, None, None, :]
        h_BHWC = self.second(ops.silu(self.second_norm(h_BHWC)))
        return self.skip(x_BHWC) + h_BHWC


class SelfAttention(keras.layers.Layer):
    """x + attention over all pixels of a map, with one head."""

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        self.norm = keras.layers.GroupNormalization(GROUPS)
        self.query_key_value = keras.layers.Dense(3 * channels)
        self.out = keras.layers.Dense(channels, kernel_initializer="zeros")

    def call(self, x_BHWC: Tensor) -> Tensor:
        _, height, width, channels = x_BHWC.shape
        flat_BNC = ops.reshape(self.norm(x_BHWC), (-1, height * width, channels))
        query, key, value = ops.split(self.query_key_value(flat_BNC), 3, axis=-1)
        scores_BNN = ops.matmul(query, ops.transpose(key, (0, 2, 1))) / math.sqrt(channels)
        mixed_BNC = ops.matmul(ops.softmax(scores_BNN), value)
        return x_BHWC + ops.reshape(self.out(mixed_BNC), (-1, height, width, channels))


class Stage(Composite):
    """A residual block, and self-attention and cross-attention where asked for."""

    def __init__(
        self, channels: int, *, attention: bool, prompted: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.block = ResidualBlock(channels)
        self.attention = SelfAttention() if attention else keras.layers.Identity()
        self.reading = CrossAttention(GROUPS) if attention and prompted else None

    def call(
        self,
        x_BHWC: Tensor,
        steering_BE: Tensor,
        words_BME: Tensor | None = None,
        known_BM: Tensor | None = None,
    ) -> Tensor:
        h_BHWC = self.attention(self.block(x_BHWC, steering_BE))
        return h_BHWC if self.reading is None else self.reading(h_BHWC, words_BME, known_BM)


class UNet(Composite):
    """Images (B, H, W, C) and vectors (B, E) → float32 (B, H, W, `channels_out`), at first zero.

    With `prompted` it is given the parts of a `Prompt` as well.
    """

    def __init__(
        self, channels_out: int, widths: Widths, *, prompted: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        levels, coarsest = len(widths.channels), widths.channels[-1]
        attends = [level >= levels - widths.attention_levels for level in range(levels)]

        def stages(level: int) -> list[Stage]:
            channels = widths.channels[level]
            return [
                Stage(channels, attention=attends[level], prompted=prompted)
                for _ in range(widths.blocks)
            ]

        self.patch = widths.patch
        self.stem = _convolution(widths.channels[0])
        self.down = [stages(level) for level in range(levels)]
        self.halve = [
            _convolution(widths.channels[level], strides=2) for level in range(levels - 1)
        ]
        self.middle = [
            Stage(coarsest, attention=attends[-1], prompted=prompted),
            Stage(coarsest, attention=False),
        ]
        self.up = [stages(level) for level in range(levels)]
        self.double = [_doubling(widths.channels[level]) for level in range(levels - 1)]
        self.norm = keras.layers.GroupNormalization(GROUPS)
        depth = widths.patch**2 * channels_out
        self.head = _convolution(depth, kernel_initializer="zeros", dtype="float32")

    def call(
        self,
        x_BHWC: Tensor,
        steering_BE: Tensor,
        words_BME: Tensor | None = None,
        known_BM: Tensor | None = None,
    ) -> Tensor:
        prompt = () if words_BME is None else (words_BME, known_BM)
        h = self.stem(fold(x_BHWC, self.patch))
        across: list[Tensor] = []
        for level, stages in enumerate(self.down):
            h = self.halve[level - 1](h) if level else h
            for stage in stages:
                h = stage(h, steering_BE, *prompt)
                across.append(h)
        for stage in self.middle:
            h = stage(h, steering_BE, *prompt)
        for level in reversed(range(len(self.up))):
            for stage in self.up[level]:
                h = stage(ops.concatenate([h, across.pop()], axis=-1), steering_BE, *prompt)
            h = self.double[level - 1](h) if level else h
        return unfold(self.head(ops.silu(self.norm(h))), self.patch)


class TimedUNet(Composite):
    """Images (B, H, W, C) at times (B,), in steps → float32 (B, H, W, `channels_out`), at first zero.

    Args:
        channels_out: of what it gives.
        widths: of the U-Net.
        embedding: size of the embedding of a time.
    """

    def __init__(self, channels_out: int, widths: Widths, embedding: int, **kwargs: Any) -> None:
        super().__init__(**KEEPS_DTYPE, **kwargs)  # A time has more digits than half precision.
        self.embedding = embedding
        self.embed_time = time_embedding(embedding)
        self.unet = UNet(channels_out, widths, name="unet")

    def call(self, x_BHWC: Tensor, time_B: Tensor) -> Tensor:
        embedding_BE = self.embed_time(sinusoids(time_B, self.embedding))
        return self.unet(x_BHWC, ops.silu(embedding_BE))


def _convolution(filters: int, **options: Any) -> keras.layers.Layer:
    return keras.layers.Conv2D(filters, 3, padding="same", **options)


def _doubling(filters: int) -> keras.layers.Layer:
    return keras.Sequential([keras.layers.UpSampling2D(2), _convolution(filters)])
