"""Every autoencoder encodes an image into a latent and decodes the latent into an image.

An encoder f and a decoder g give x̂ = g(f(x)). Training minimises the mean of (x - x̂)² over the
pixels. A model's file says which layers f and g have.
"""

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from keras import layers, ops

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.network import Network
from sparkgen.models.contract import NOTHING, Batch, Direction, EncoderDecoder, Tensor

EPSILON = 1e-7  # keeps the logarithms of the reported cross-entropy finite, as Keras' own does


def inversion(invert: bool) -> list[Any]:
    """The layer x → 1 - x where `invert` is set, else no layer: (B, H, W, C) → (B, H, W, C)."""
    return [layers.Rescaling(scale=-1.0, offset=1.0)] if invert else []


class Autoencoder(EncoderDecoder):
    """An encoder and a decoder, each a list of layers.

    Args:
        spec: of the images.
        encoder: layers from images (B, H, W, C) in [0, 1] to latents (B, Z).
        decoder: layers from latents to (B, H * W * C) or (B, H, W, C); the values may lie outside
            [0, 1], as `decode` clips them.
        latent: Z.
    """

    loss_names = ("mse",)
    metric_names = ("binary_crossentropy",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"binary_crossentropy": "lower"}

    def __init__(
        self,
        spec: DataSpec,
        *,
        encoder: Sequence[Any],
        decoder: Sequence[Any],
        latent: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(spec, **kwargs)
        self.encoder = Network(encoder, name="encoder")
        self.decoder = Network(decoder, name="decoder")
        self.latent_size = latent

    def encode(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        return self.encoder(x)

    def decode_raw(self, latent: Tensor) -> Tensor:
        """What the decoder gives, not clipped to [0, 1]: float32 (B, H, W, C)."""
        return ops.reshape(self.decoder(latent), (-1, *self.spec.shape))

    def decode(self, latent: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        return ops.clip(self.decode_raw(latent), 0.0, 1.0)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        return self.errors(batch["image"], self.decode_raw(self.encode(batch["image"])))

    def errors(self, x: Tensor, x_hat: Tensor) -> dict[str, Tensor]:
        """Mean squared error and mean binary cross-entropy over the pixels: (B,) each."""
        p = ops.clip(x_hat, EPSILON, 1.0 - EPSILON)
        cross_entropy = -(x * ops.log(p) + (1.0 - x) * ops.log(1.0 - p))
        pixels = (1, 2, 3)
        return {
            "mse": ops.mean(ops.square(x - x_hat), axis=pixels),
            "binary_crossentropy": ops.mean(cross_entropy, axis=pixels),
        }
