"""Dense autoencoder: a picture through a bottleneck and back.

Hinton and Salakhutdinov, "Reducing the Dimensionality of Data with Neural Networks", 2006, in its
smallest form: one layer each way, z = f(W x + b), x̂ = g(V z + c), trained to minimise the mean
squared error. The reference has 784 → 30 relu → 784 relu.
"""

from typing import Any, Literal

import keras
from keras import ops

from sparkgen.config import Strict
from sparkgen.models.contract import Batch, DataSpec, EncoderDecoder, GenerativeModel, Tensor

EPSILON = 1e-7  # keeps the logarithms of the reported cross-entropy finite, as Keras' own does


class Config(Strict):
    """Options of the dense autoencoder."""

    latent: int = 30
    """Size Z of the latent."""
    encoder_activation: str = "relu"
    decoder_activation: str = "relu"
    initializer: Literal["random_normal", "glorot_uniform", "he_normal"] = "random_normal"
    """Of the weights; `random_normal` is N(0, 0.05²)."""


class DenseAutoencoder(EncoderDecoder):
    """Flat pixels → Z → flat pixels."""

    loss_names = ("mse",)
    metric_names = ("binary_crossentropy",)

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.flatten = keras.layers.Flatten()
        self.encoder = keras.layers.Dense(
            config.latent,
            activation=config.encoder_activation,
            kernel_initializer=config.initializer,
            name="encoder",
        )
        self.decoder = keras.layers.Dense(
            spec.size,
            activation=config.decoder_activation,
            kernel_initializer=config.initializer,
            name="decoder",
        )
        self.latent_size = config.latent

    def encode(self, x: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return self.encoder(self.flatten(x))

    def decode_raw(self, latent: Tensor) -> Tensor:
        """What the decoder gives, not clipped to [0, 1]: float32 (B, H, W, C)."""
        return ops.reshape(self.decoder(latent), (-1, *self.spec.shape))

    def decode(self, latent: Tensor, *, labels: Tensor | None = None) -> Tensor:
        return ops.clip(self.decode_raw(latent), 0.0, 1.0)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        x = self.flatten(batch["image"])
        x_hat = self.flatten(self.decode_raw(self.encode(batch["image"])))
        p = ops.clip(x_hat, EPSILON, 1.0 - EPSILON)
        bce = -(x * ops.log(p) + (1.0 - x) * ops.log(1.0 - p))
        return {
            "mse": ops.mean(ops.square(x - x_hat), axis=-1),
            "binary_crossentropy": ops.mean(bce, axis=-1),
        }


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The dense autoencoder for images of `spec.shape`."""
    return DenseAutoencoder(config, spec, name="dense_autoencoder")
