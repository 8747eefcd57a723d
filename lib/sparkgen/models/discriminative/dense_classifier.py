"""The dense classifier has dense relu layers on flat pixels, then the softmax.

David Foster, *Generative Deep Learning*, chapter 2: 200 relu → 150 relu → softmax, on 32×32 colour
images in [0, 1], trained by Adam with rate 5e-4 in batches of 32 for 10 epochs.
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
    """Options of the dense classifier."""

    hidden: tuple[Positive, ...] = Field((200, 150), strict=False)
    """Units of each hidden layer."""


class DenseClassifier(Classifier):
    """Relu layers on flat pixels."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(config, spec, **kwargs)
        layers = [keras.layers.Dense(units, activation="relu") for units in config.hidden]
        self.body = Network([keras.layers.Flatten(), *layers], name="body")


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The dense classifier for images of `spec.shape`."""
    return DenseClassifier(config, spec, name="dense_classifier")
