"""Activations by their names in Keras, as options of models."""

from typing import Annotated

import keras
from pydantic import AfterValidator

from sparkgen.config.nearest import choose

NAMES = tuple(
    name
    for name, one in vars(keras.activations).items()
    if callable(one) and name not in ("get", "serialize", "deserialize")
)


def _known(name: str) -> str:
    if name not in NAMES:
        raise ValueError(choose(name, NAMES))
    return name


Activation = Annotated[str, AfterValidator(_known)]
"""The name of an activation that this release of Keras has."""
