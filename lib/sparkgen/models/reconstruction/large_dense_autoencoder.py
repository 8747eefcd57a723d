"""The large dense autoencoder has one wide dense layer each way, and a sigmoid for the pixels.

x̂ = σ(V relu(W x + b) + c), trained to minimise the mean of (x - x̂)². With `invert` the model works
on 1 - x.

The defaults are those of "Generative Networks", ACTL3143 Deep Learning for Actuaries, Patrick Laub:
80×80 grey pictures → 400 relu → 6,400 sigmoid, without and with inverted colours.
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
