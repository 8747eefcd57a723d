"""Residual blocks add to a map what convolutions make of it.

He et al., "Deep Residual Learning for Image Recognition", 2016, and, for the order of the layers,
"Identity Mappings in Deep Residual Networks", 2016: activation before each convolution, and nothing
after the sum.
"""

from typing import Any

import keras
from keras import ops

from sparkgen.layers.batch_norm import BatchNormalization

Tensor = Any
UNBIASED: dict[str, Any] = {"use_bias": False, "kernel_initializer": "he_normal"}


class ResidualConvolutions(keras.layers.Layer):
    """x + conv(relu(conv(relu(x)))), of as many channels as come in, at first the identity."""

    def build(self, input_shape: Any) -> None:
        channels = input_shape[-1]
        self.first = _convolution(channels, 1, kernel_initializer="he_normal")
        self.second = _convolution(channels, 1, kernel_initializer="zeros")
        for layer in (self.first, self.second):
            layer.build(input_shape)

    def call(self, x_BHWC: Tensor) -> Tensor:
        return x_BHWC + self.second(ops.relu(self.first(ops.relu(x_BHWC))))


class NormalisedResidual(keras.layers.Layer):
    """s(x) + conv(relu(norm(conv(relu(norm(x)))))), norm: batch normalisation.

    s is the identity, or a 1×1 convolution of the activated map where the block changes its shape.

    Args:
        filters: channels out.
        strides: 2 halves the sides of the map.
    """

    def __init__(self, filters: int, strides: int = 1, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.filters, self.strides = filters, strides
        self.first_norm, self.second_norm = BatchNormalization(), BatchNormalization()
        self.first = _convolution(filters, strides, **UNBIASED)
        self.second = _convolution(filters, 1, **UNBIASED)
        self.shortcut: Any = None

    def build(self, input_shape: Any) -> None:
        self.first_norm.build(input_shape)
        self.first.build(input_shape)
        inner_shape = self.first.compute_output_shape(input_shape)
        self.second_norm.build(inner_shape)
        self.second.build(inner_shape)
        if self.strides > 1 or input_shape[-1] != self.filters:
            self.shortcut = keras.layers.Conv2D(self.filters, 1, self.strides, **UNBIASED)
            self.shortcut.build(input_shape)

    def call(self, x_BHWC: Tensor, training: bool = False) -> Tensor:
        active = ops.relu(self.first_norm(x_BHWC, training=training))
        h_BHWC = self.first(active)
        h_BHWC = self.second(ops.relu(self.second_norm(h_BHWC, training=training)))
        return (x_BHWC if self.shortcut is None else self.shortcut(active)) + h_BHWC

    def compute_output_shape(self, input_shape: Any) -> Any:
        return self.first.compute_output_shape(input_shape)


def _convolution(filters: int, strides: int, **options: Any) -> Any:
    return keras.layers.Conv2D(filters, 3, strides, padding="same", **options)
