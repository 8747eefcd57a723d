"""Encoders halve pictures to a coarse map by convolutions; decoders enlarge the map again.

A side that 2^n does not divide is rounded up at each halving, as padding `same` does. So a picture that
is enlarged n times comes out a little too long, and is cut.
"""

from collections.abc import Sequence
from typing import Any

from keras import layers

from sparkgen.layers.residual import ResidualConvolutions


def coarse_sides(shape: tuple[int, ...], halvings: int) -> tuple[int, int]:
    """Height and width of the map that pictures (H, W, C) are halved to."""
    scale = 2**halvings
    return -(-shape[0] // scale), -(-shape[1] // scale)


def halving_convolutions(filters: Sequence[int], blocks: int = 0) -> list[Any]:
    """3×3 convolutions of stride 2 with relu, one for each of `filters`, and `blocks` residual blocks
    after each.
    """
    halve = [layers.Conv2D(f, 3, 2, padding="same", activation="relu") for f in filters]
    return [layer for one in halve for layer in (one, *_residual(blocks))]


def dense_map(sides: tuple[int, int], channels: int) -> list[Any]:
    """A dense relu layer whose units become a map: (B, F) → (B, *sides, channels)."""
    units = sides[0] * sides[1] * channels
    return [layers.Dense(units, "relu"), layers.Reshape((*sides, channels))]


def doubling_convolutions(filters: Sequence[int], blocks: int = 0) -> list[Any]:
    """3×3 transposed convolutions of stride 2 with relu, one for each of `filters`, and `blocks` residual
    blocks before each.
    """
    double = [layers.Conv2DTranspose(f, 3, 2, padding="same", activation="relu") for f in filters]
    return [layer for one in double for layer in (*_residual(blocks), one)]


def cut_to(shape: tuple[int, ...], doublings: int) -> Any:
    """A layer that cuts what was enlarged from `coarse_sides` to the height and width of `shape`."""
    rows, columns = coarse_sides(shape, doublings)
    scale = 2**doublings
    return layers.Cropping2D(((0, rows * scale - shape[0]), (0, columns * scale - shape[1])))


def enlarged_logits(shape: tuple[int, ...], filters: Sequence[int], blocks: int = 0) -> list[Any]:
    """Layers from the coarse map to logits (B, *shape): doublings, cut, a 3×3 convolution in float32."""
    return [
        *doubling_convolutions(filters, blocks),
        cut_to(shape, len(filters)),
        layers.Conv2D(shape[2], 3, padding="same", dtype="float32"),
    ]


def _residual(blocks: int) -> list[Any]:
    return [ResidualConvolutions() for _ in range(blocks)]
