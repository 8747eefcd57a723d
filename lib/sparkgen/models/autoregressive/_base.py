"""Models of discrete pixels give each image its exact probability.

They share how pixels become levels, the loss -log p(x), and the likelihood.
"""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from keras import ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.binarisation import Binarisation, binarisation_noise, binarise
from sparkgen.layers.levels import nearest_level
from sparkgen.models.contract import (
    EXACT,
    Batch,
    Direction,
    GenerativeModel,
    Likelihood,
    Protocol,
    Tensor,
)


class PixelConfig(Strict):
    """Options of every model of discrete pixels."""

    binarisation: Binarisation = "dynamic"
    """How pixels are made binary; `none`: they are rounded to `levels` grey levels."""
    levels: int = Field(256, ge=2, le=256)
    """Levels of a pixel that is not made binary: 256 are those the pictures have."""


class PixelModel(GenerativeModel):
    """A model that gives every image of discrete pixels its probability, exactly."""

    loss_names = ("nll",)
    metric_names: tuple[str, ...] = ("bits_per_dim",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"bits_per_dim": "lower"}
    generate_options: ClassVar[dict[str, Any]] = {}

    def __init__(
        self, spec: DataSpec, *, binarisation: Binarisation, levels: int = 256, **kwargs: Any
    ) -> None:
        super().__init__(spec, **kwargs)
        self.binarisation: Binarisation = binarisation
        self.levels = levels if binarisation == "none" else 2
        self.training_noise = binarisation_noise(spec.shape, binarisation)

    @property
    def logits_per_pixel(self) -> int:
        """D: one for a Bernoulli, else one a level."""
        return 1 if self.levels == 2 else self.levels

    def level(self, batch: Batch) -> Tensor:
        """The batch's pixels as levels: int32 (B, H, W, C), 0 .. levels - 1."""
        noise = batch["noise"].get("binarisation")
        x = binarise(ops.convert_to_tensor(batch["image"]), self.binarisation, noise)
        return nearest_level(x, self.levels)

    def log_probability(self, level: Tensor) -> Tensor:
        """The log-probability of images, int32 (B, H, W, C) levels, in nats: float32 (B,)."""
        raise TypeError(f"{type(self).__name__} has no log-probability")

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        nll_B = -self.log_probability(self.level(batch))
        return {"nll": nll_B, "bits_per_dim": nll_B / (self.spec.size * math.log(2.0))}

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        """`exact`: the log-probability of the pixels as levels."""
        grey = "none" if self.levels == 256 else f"{self.levels} levels"
        pixels = grey if self.binarisation == "none" else self.binarisation
        return {
            EXACT: Likelihood(
                Protocol(EXACT, "sum", pixels, 1),
                dict(self.training_noise),
                lambda batch: self.log_probability(self.level(batch)),
            )
        }
