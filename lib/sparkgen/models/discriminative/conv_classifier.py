"""The small convolutional classifier has two convolutions of stride 2, then the softmax.

David Foster, *Generative Deep Learning*, chapter 2: 10 filters (4×4, stride 2) → 20 filters (3×3,
stride 2) → flatten → softmax, with relu and padding `same`, on 32×32 colour images in [0, 1].
"""

from typing import Any

import keras
from pydantic import Field

from sparkgen.config.strict import Positive
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.network import Network
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discriminative._base import Classifier, ClassifierConfig


class Config(ClassifierConfig):
    """Options of the convolutional classifier."""

    filters: int = Field(10, gt=0)
    """Of the first convolution; the second has twice as many."""
    kernels: tuple[Positive, Positive] = Field((4, 3), strict=False)
    """Side of each convolution's kernel in pixels."""
    hidden: int = Field(0, ge=0)
    """Dense relu units before the softmax; 0 for none."""


class ConvClassifier(Classifier):
    """Two convolutions of stride 2."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        conv = {"strides": 2, "padding": "same", "activation": "relu"}
        first, second = config.kernels
        layers: list[Any] = [
            keras.layers.Conv2D(config.filters, first, **conv),
            keras.layers.Conv2D(2 * config.filters, second, **conv),
            keras.layers.Flatten(),
        ]
        if config.hidden:
            layers.append(keras.layers.Dense(config.hidden, activation="relu"))
        self.body = Network(layers, name="body")


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The convolutional classifier for images of `spec.shape`."""
    return ConvClassifier(config, spec, name="conv_classifier")
