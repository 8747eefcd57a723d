"""The dense autoencoder has one dense layer as encoder and one as decoder.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006. With one
layer each way, z = f(W x + b) and x̂ = g(V z + c), trained to minimise the mean of (x - x̂)². What
differs: the paper has several layers each way, and trains them one by one first.

The defaults are those of "Generative Networks" in the course Scalable Data Science and Distributed
Machine Learning (ScaDaMaLe), after Adam Breindel: 784 → 30 relu → 784 relu.
"""

from typing import Literal

from keras import layers
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.activations import Activation
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.reconstruction._base import Autoencoder


class Config(Strict):
    """Options of the dense autoencoder."""

    latent: int = Field(30, gt=0)
    """Size Z of the latent."""
    encoder_activation: Activation = "relu"
    """Of the latent, by its name in Keras."""
    decoder_activation: Activation = "relu"
    """Of the pixels, by its name in Keras."""
    initializer: Literal["random_normal", "glorot_uniform", "he_normal"] = "random_normal"
    """Of the weights; `random_normal` is N(0, 0.05²)."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The dense autoencoder for images of `spec.shape`."""
    start = config.initializer
    encoder = layers.Dense(config.latent, config.encoder_activation, kernel_initializer=start)
    decoder = layers.Dense(spec.size, config.decoder_activation, kernel_initializer=start)
    return Autoencoder(
        spec,
        encoder=[layers.Flatten(), encoder],
        decoder=[decoder],
        latent=config.latent,
        name="dense_autoencoder",
    )
