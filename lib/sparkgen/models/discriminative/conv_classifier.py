"""The small convolutional classifier has two convolutions of stride 2, then the softmax.

David Foster, *Generative Deep Learning*, chapter 2: 10 filters (4×4, stride 2) → 20 filters (3×3,
stride 2) → flatten → softmax, with relu and padding `same`, on 32×32 colour images in [0, 1].
"""

from typing import Any

import keras

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.network import Network
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discriminative._base import Classifier


class Config(Strict):
    """Options of the convolutional classifier."""

    filters: int = 10
    """Of the first convolution; the second has twice as many."""


class ConvClassifier(Classifier):
    """Two convolutions of stride 2."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        conv = {"strides": 2, "padding": "same", "activation": "relu"}
        self.body = Network(
            [
                keras.layers.Conv2D(config.filters, 4, **conv),
                keras.layers.Conv2D(2 * config.filters, 3, **conv),
                keras.layers.Flatten(),
            ],
            name="body",
        )


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The convolutional classifier for images of `spec.shape`."""
    return ConvClassifier(config, spec, name="conv_classifier")
