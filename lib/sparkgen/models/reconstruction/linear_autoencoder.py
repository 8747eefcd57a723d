"""The linear autoencoder learns the space of the principal components by gradient descent.

Baldi and Hornik, "Neural Networks and Principal Component Analysis: Learning from Examples Without
Local Minima", 1989: z = W x + b, x̂ = V z + c, trained to minimise the mean of (x - x̂)². The least
error is that of the first Z principal components, and every local minimum is global.
"""

from keras import layers
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.reconstruction._base import Autoencoder


class Config(Strict):
    """Options of the linear autoencoder."""

    latent: int = Field(30, gt=0)
    """Size Z of the latent, the number of components."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The linear autoencoder for images of `spec.shape`."""
    return Autoencoder(
        spec,
        encoder=[layers.Flatten(), layers.Dense(config.latent)],
        decoder=[layers.Dense(spec.size)],
        latent=config.latent,
        name="linear_autoencoder",
    )
