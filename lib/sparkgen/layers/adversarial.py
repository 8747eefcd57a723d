"""The generator and the discriminator of an adversarial model are dense or convolutional.

A generator maps latents (B, Z), labels appended where it is conditional, to images (B, H, W, C)
before the tanh. A discriminator maps images in [-1, 1] to logits (B, outputs). The convolutional
pair follows Radford et al., "Unsupervised Representation Learning with Deep Convolutional
Generative Adversarial Networks", 2015: strides in place of pooling, batch normalisation but in the
generator's last and the discriminator's first layer, relu in the one and leaky relu in the other,
no dense hidden layer, weights N(0, 0.02²).
"""

import math
from typing import Any, NamedTuple

import keras
from keras import ops

from sparkgen.errors import RequestError
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.layers.network import Network

Tensor = Any
LEAK = 0.2  # the slope of leaky relu below 0, as in DCGAN
INITIAL_DEVIATION = 0.02  # of convolution weights, as in DCGAN
# Moving averages of 0.99 would lag behind a generator that trains for some hundred steps only.
MOMENTUM = 0.9


def dense_generator(shape: tuple[int, ...], hidden: tuple[int, ...]) -> Network:
    """Latents → dense leaky relu layers of `hidden` units → images of `shape`, linear."""
    pixels = keras.layers.Dense(math.prod(shape), dtype="float32")
    head = [pixels, keras.layers.Reshape(shape)]
    return Network([*_dense(hidden), *head], name="generator")


def dense_discriminator(hidden: tuple[int, ...], outputs: int = 1) -> Network:
    """Images → dense leaky relu layers of `hidden` units → logits."""
    head = keras.layers.Dense(outputs, dtype="float32")
    return Network([keras.layers.Flatten(), *_dense(hidden), head], name="discriminator")


def leaky_relu(x: Tensor) -> Tensor:
    """Leaky relu: x where it is positive, 0.2 x elsewhere.

    Not Keras' own: TensorFlow 2.18 fuses that with a convolution before it, fails at its gradient,
    and logs an error a worker.
    """
    return ops.maximum(x, LEAK * x)


class Convolutions(NamedTuple):
    """The sizes of the convolutional networks."""

    halvings: int
    """How many convolutions of stride 2 lie between the image and the coarsest map."""
    filters: int
    """Of the finest hidden map; each coarser one has twice as many."""
    kernel: int
    """Side of the kernels."""

    def coarsest(self, shape: tuple[int, ...]) -> tuple[int, int, int]:
        """Height, width and channels of the coarsest map of images of `shape`.

        Raises:
            RequestError: a side that cannot be halved so often.
        """
        scale = 2**self.halvings
        if shape[0] % scale or shape[1] % scale:
            raise RequestError(
                f"images with sides that are multiples of {scale}",
                found=f"{shape[0]} x {shape[1]}",
                mend="set model.options.halvings lower, or resize the dataset",
            )
        return shape[0] // scale, shape[1] // scale, self.filters * scale // 2


def convolutional_generator(shape: tuple[int, ...], cut: Convolutions) -> Network:
    """Latents → the coarsest map → transposed convolutions of stride 2 → images of `shape`, linear."""
    coarsest = cut.coarsest(shape)
    units = math.prod(coarsest)
    layers: list[Any] = [
        keras.layers.Dense(units, use_bias=False, kernel_initializer=_initial()),
        keras.layers.Reshape(coarsest),
        *_normalised_relu(),
    ]
    strided = keras.layers.Conv2DTranspose
    for level in range(cut.halvings - 2, -1, -1):
        layers.append(_strided(strided, cut.filters << level, cut.kernel, use_bias=False))
        layers += _normalised_relu()
    layers.append(_strided(strided, shape[2], cut.kernel, dtype="float32"))
    return Network(layers, name="generator")


def convolutional_discriminator(
    shape: tuple[int, ...], cut: Convolutions, *, outputs: int = 1, normalise: bool = True
) -> Network:
    """Images of `shape` → convolutions of stride 2 → logits.

    Args:
        shape: (H, W, C).
        cut: halvings, filters, kernel.
        outputs: logits a row.
        normalise: whether there is batch normalisation. A gradient penalty, which is on each row's
            own gradient, must have none.
    """
    layers: list[Any] = []
    for level in range(cut.halvings):
        normalised = normalise and level > 0
        filters = cut.filters << level
        layers.append(_strided(keras.layers.Conv2D, filters, cut.kernel, use_bias=not normalised))
        layers += [BatchNormalization(MOMENTUM)] if normalised else []
        layers.append(keras.layers.Activation(leaky_relu))
    sides = cut.coarsest(shape)[:2]
    head = keras.layers.Conv2D(outputs, sides, kernel_initializer=_initial(), dtype="float32")
    return Network([*layers, head, keras.layers.Flatten()], name="discriminator")


def _normalised_relu() -> list[Any]:
    return [BatchNormalization(MOMENTUM), keras.layers.ReLU()]


def _dense(hidden: tuple[int, ...]) -> list[Any]:
    pairs = [(keras.layers.Dense(units), keras.layers.Activation(leaky_relu)) for units in hidden]
    return [layer for pair in pairs for layer in pair]


def _strided(kind: Any, filters: int, kernel: int, **options: Any) -> Any:
    return kind(filters, kernel, 2, padding="same", kernel_initializer=_initial(), **options)


def _initial() -> keras.initializers.Initializer:
    return keras.initializers.RandomNormal(stddev=INITIAL_DEVIATION)
