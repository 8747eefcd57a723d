"""A model of a package of its own that learns with the help of a part."""

from collections.abc import Mapping
from typing import Any

import keras
from keras import ops

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.batch_norm import BatchNormalization
from sparkgen.models.contract import GenerativeModel, Part
from sparkgen.noise import NoiseSpec

PARTS = {"classifier": Part(classifies=True)}


class Config(Strict):
    """The model has no options."""


class Guided(GenerativeModel):
    """Images x' = W b(x), whose loss is how far a classifier's features of them are from those of x."""

    loss_names = ("features",)

    def __init__(self, spec: DataSpec, classifier: GenerativeModel) -> None:
        super().__init__(spec, name="guided")
        self.noise, self.classifier = NoiseSpec(spec.shape), classifier
        self.norm = BatchNormalization()
        self.dense = keras.layers.Dense(spec.size, activation="sigmoid")

    def again(self, x: Any, *, training: bool) -> Any:
        flat = self.norm(ops.reshape(x, (-1, self.spec.size)), training=training)
        return ops.reshape(ops.cast(self.dense(flat), "float32"), (-1, *self.spec.shape))

    def make(self, noise: Any, given: Mapping[str, Any], **options: Any) -> Any:
        return self.again(noise, training=False)

    def loss_terms(self, batch: dict[str, Any], *, training: bool) -> dict[str, Any]:
        x = batch["image"]
        other = self.classifier.features(self.again(x, training=training))
        distance = ops.mean(ops.square(self.classifier.features(x) - other), axis=-1)
        return {"features": distance}


def build(config: Config, spec: DataSpec, parts: Mapping[str, GenerativeModel]) -> GenerativeModel:
    """The model for images of `spec.shape`."""
    return Guided(spec, parts["classifier"])
