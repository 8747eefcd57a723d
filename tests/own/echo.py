"""A model of a package of its own that needs to be given a picture, which it gives back enlarged."""

from collections.abc import Mapping
from typing import Any

from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.noise import NoiseSpec


class Config(Strict):
    """Options of the model."""

    times: int = Field(1, gt=0)
    """How many times higher and wider than the given one a picture is made."""


class Echo(GenerativeModel):
    """It learns nothing, and its loss is the mean square of the pixels."""

    loss_names = ("mse",)

    def __init__(self, config: Config, spec: DataSpec) -> None:
        super().__init__(spec, name="echo")
        height, width, channels = spec.shape
        given = ImageRecord((height // config.times, width // config.times, channels))
        self.config, self.noise = config, NoiseSpec(())
        self.given = {"image": Given("record", given)}

    def make(self, noise: Any, given: Mapping[str, Any], **options: Any) -> Any:
        tall = ops.repeat(given["image"], self.config.times, axis=1)
        return ops.repeat(tall, self.config.times, axis=2)

    def loss_terms(self, batch: dict[str, Any], *, training: bool) -> dict[str, Any]:
        return {"mse": ops.mean(ops.square(batch["image"]), axis=(1, 2, 3))}


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The model for images of `spec.shape`."""
    return Echo(config, spec)
