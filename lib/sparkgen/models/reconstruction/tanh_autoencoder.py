"""The tanh autoencoder has tanh layers and a latent of two numbers, which a chart can show.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006, call it a
nonlinear form of principal components. x̂ = g(f(x)), trained to minimise the mean of (x - x̂)².

The defaults are those of "Generative Models", Industrial AI Lab, Seungchul Lee, which trains on the
digits 1, 5 and 6 only: 784 → 500 tanh → 300 tanh → 2 → 300 tanh → 500 tanh → 784, linear in the
middle and at the end.
"""

from typing import Any

import keras
from keras import layers
from pydantic import Field

from sparkgen.config.strict import Positive, Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.reconstruction._base import Autoencoder


class Config(Strict):
    """Options of the tanh autoencoder."""

    latent: int = Field(2, gt=0)
    """Size Z of the latent."""
    hidden: tuple[Positive, ...] = Field((500, 300), strict=False)
    """Units of the encoder's tanh layers; the decoder has them in reverse."""
    deviation: float = Field(0.1, gt=0)
    """Standard deviation of the weights at the start, N(0, deviation²)."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The tanh autoencoder for images of `spec.shape`."""

    def dense(units: int, activation: str = "tanh") -> Any:
        start = keras.initializers.RandomNormal(stddev=config.deviation)
        return layers.Dense(units, activation, kernel_initializer=start)

    down = [dense(units) for units in config.hidden]
    up = [dense(units) for units in reversed(config.hidden)]
    return Autoencoder(
        spec,
        encoder=[layers.Flatten(), *down, dense(config.latent, "linear")],
        decoder=[*up, dense(spec.size, "linear")],
        latent=config.latent,
        name="tanh_autoencoder",
    )
