"""A model of a package of its own that works on pictures of any size."""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
from keras import ops

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, PictureRecord, Record
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.noise import NoiseSpec

COLOUR = PictureRecord((3,))


class Config(Strict):
    """The model has no options."""


class Halved(GenerativeModel):
    """Every second row of a picture, darker by a share that the sample's noise says."""

    learns = "nothing"
    figure_names: ClassVar[tuple[str, ...]] = ("grey", "style")

    def __init__(self, spec: DataSpec) -> None:
        super().__init__(spec, name="halved")
        self.noise = NoiseSpec((1,))
        self.given = {
            "picture": Given("record", COLOUR),
            "style": Given("record", COLOUR, required=False),
        }

    @property
    def makes(self) -> Record:
        return COLOUR

    def make(self, noise: Any, given: Mapping[str, Any], **options: Any) -> Any:
        share = ops.reshape(keras.ops.sigmoid(noise), (-1, 1, 1, 1))
        return given["picture"][:, ::2] * share

    def figures_of(self, made: Any, given: Mapping[str, Any]) -> dict[str, Any]:
        style = given.get("style", made)
        return {"grey": ops.mean(made, axis=(1, 2, 3)), "style": ops.mean(style, axis=(1, 2, 3))}


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The model for images of any spec."""
    return Halved(spec)
