"""Large dense autoencoder: one wide layer each way, with a sigmoid for the pixels.

x̂ = σ(V relu(W x + b) + c). The reference takes 80×80 grey pictures to 400 units and back to 6,400,
and a second time with the colours inverted inside the model: x → 1 - x before and after.
"""

from keras import layers
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.reconstruction._base import Autoencoder, inversion


class Config(Strict):
    """Options of the large dense autoencoder."""

    latent: int = Field(400, gt=0)
    """Size Z of the latent."""
    invert: bool = False
    """Work on 1 - x; images go in and come out as they are."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The large dense autoencoder for images of `spec.shape`."""
    return Autoencoder(
        spec,
        encoder=[
            *inversion(config.invert),
            layers.Flatten(),
            layers.Dense(config.latent, "relu"),
        ],
        decoder=[layers.Dense(spec.size, "sigmoid"), *inversion(config.invert)],
        latent=config.latent,
        name="large_dense_autoencoder",
    )
