"""The full classifier has four convolutions with batch normalisation, leaky relu and dropout.

David Foster, *Generative Deep Learning*, chapter 2: 3×3 convolutions with 32, 32 (stride 2), 64 and
64 (stride 2) filters, each with batch normalisation (Ioffe and Szegedy, 2015) and leaky relu, then
128 dense units with batch normalisation, leaky relu and dropout 0.5 (Srivastava et al., 2014), then
the softmax.

The dropout layer draws its own random numbers, as nothing else in the project does. So the training
of this model depends on the number of workers.
"""

from typing import Any

import keras
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.layers.network import Network
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discriminative._base import Classifier, ClassifierConfig


class Config(ClassifierConfig):
    """Options of the full classifier."""

    filters: int = Field(32, gt=0)
    """Of the first two convolutions; the next two have twice as many."""
    hidden: int = Field(128, gt=0)
    """Dense units, the features of the classifier."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of the features dropped in training; 0 for none."""


class FullClassifier(Classifier):
    """Four convolutions, a dense layer, and the softmax."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        layers: list[Any] = []
        for factor, strides in ((1, 1), (1, 2), (2, 1), (2, 2)):
            filters = factor * config.filters
            layers.append(keras.layers.Conv2D(filters, 3, strides=strides, padding="same"))
            layers += [BatchNormalization(), keras.layers.LeakyReLU()]
        layers += [keras.layers.Flatten(), keras.layers.Dense(config.hidden)]
        layers += [BatchNormalization(), keras.layers.LeakyReLU()]
        if config.dropout > 0:
            # In float32, as what comes out is; in half precision other units would be dropped.
            layers.append(keras.layers.Dropout(config.dropout, dtype="float32"))
        self.body = Network(layers, name="body")


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The full classifier for images of `spec.shape`."""
    return FullClassifier(config, spec, name="full_classifier")
