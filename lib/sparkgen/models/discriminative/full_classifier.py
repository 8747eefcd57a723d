"""The full classifier has four convolutions with batch normalisation, leaky relu and dropout.

David Foster, *Generative Deep Learning*, chapter 2: 3×3 convolutions with 32, 32 (stride 2), 64 and
64 (stride 2) filters, each with batch normalisation (Ioffe and Szegedy, 2015) and leaky relu, then
128 dense units with batch normalisation, leaky relu and dropout 0.5 (Srivastava et al., 2014), then
the softmax. What differs: training images may be mirrored and moved at random.

The dropout layer draws its own random numbers, as nothing else in the project does. So the training
of this model depends on the number of workers.
"""

from typing import Any

import keras
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers import augmentation
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.layers.network import Network
from sparkgen.models.contract import Batch, GenerativeModel, Tensor
from sparkgen.models.discriminative._base import Classifier, ClassifierConfig


class Config(ClassifierConfig):
    """Options of the full classifier."""

    filters: int = Field(32, gt=0)
    """Of the first two convolutions; the next two have twice as many."""
    hidden: int = Field(128, gt=0)
    """Dense units, the features of the classifier."""
    dropout: float = Field(0.5, ge=0, lt=1)
    """Share of the features dropped in training; 0 for none."""
    mirror: bool = False
    """Whether to mirror training images left to right, half of them."""
    shift: int = Field(0, ge=0)
    """Pixels by which training images are moved at most, each way."""


class FullClassifier(Classifier):
    """Four convolutions, a dense layer, and the softmax."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        self.moves: dict[str, Any] = {"mirror": config.mirror, "shift": config.shift}
        if any(self.moves.values()):
            self.training_noise = {**self.training_noise, "augmentation": augmentation.NOISE}
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

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        if training and any(self.moves.values()):
            noise = batch["noise"]["augmentation"]
            image = augmentation.augment(batch["image"], noise, **self.moves)
            batch = {**batch, "image": image}
        return super().loss_terms(batch, training=training)


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The full classifier for images of `spec.shape`."""
    return FullClassifier(config, spec, name="full_classifier")
