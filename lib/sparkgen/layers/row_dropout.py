"""Dropout whose choices depend on a row's noise alone, not on which rows stand beside it.

Srivastava et al., "Dropout: A Simple Way to Prevent Neural Networks from Overfitting", 2014. Keras' layer
draws from one stream for the whole batch, so that a row loses other units with other workers. Here a
unit is dropped where a hash of the row's seed, of the place and of the unit's number is below the rate.
"""

import math
import zlib
from typing import Any

from keras import ops

Tensor = Any


def row_seeds(noise_B2: Tensor) -> Tensor:
    """Seeds of rows, uint32 (B,), of two uniform numbers each, float32 (B, 2) in [0, 1)."""
    bits_B2 = ops.cast(ops.floor(noise_B2 * 2.0**24), "uint32")
    return ops.bitwise_xor(bits_B2[:, 0], ops.left_shift(bits_B2[:, 1], _number(8)))


def dropped(x: Tensor, rate: float, seeds_B: Tensor | None, place: str) -> Tensor:
    """`x` with some entries set to zero and the others scaled up, so that the mean stays.

    Args:
        x: (B, ...), of static shape but for B.
        rate: the probability that an entry is dropped, range [0, 1).
        seeds_B: those of `row_seeds`; None: nothing is dropped.
        place: tells the dropouts of a network apart.
    """
    if seeds_B is None or rate == 0:
        return x
    size = math.prod(x.shape[1:])
    salt = _number(zlib.crc32(place.encode()))
    seeds_B1 = ops.expand_dims(_mixed(ops.bitwise_xor(seeds_B, salt)), -1)
    number_1N = ops.expand_dims(ops.cast(ops.arange(size, dtype="int32"), "uint32"), 0)
    hash_BN = _mixed(ops.bitwise_xor(_mixed(number_1N + _number(0x9E3779B9)), seeds_B1))
    kept = ops.reshape(hash_BN >= _number(int(rate * 2**32)), ops.shape(x))
    return ops.where(kept, x / (1 - rate), ops.zeros_like(x))


def _mixed(bits: Tensor) -> Tensor:
    """The finaliser of MurmurHash3 (Appleby, 2011): each bit changes half of the result's."""
    bits = ops.bitwise_xor(bits, ops.right_shift(bits, _number(16))) * _number(0x85EBCA6B)
    bits = ops.bitwise_xor(bits, ops.right_shift(bits, _number(13))) * _number(0xC2B2AE35)
    return ops.bitwise_xor(bits, ops.right_shift(bits, _number(16)))


def _number(value: int) -> Tensor:
    return ops.cast(value, "uint32") if value < 2**31 else ops.convert_to_tensor(value, "uint32")
