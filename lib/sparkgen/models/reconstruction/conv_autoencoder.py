"""The convolutional autoencoder halves images by max pooling and enlarges them by repeating pixels.

Masci et al., "Stacked Convolutional Auto-Encoders for Hierarchical Feature Extraction", 2011:
x̂ = g(f(x)) with convolutions in f and g, trained to minimise the mean of (x - x̂)².

The defaults are those of "Generative Networks", ACTL3143 Deep Learning for Actuaries, Patrick Laub,
for 80×80 grey pictures: 3×3 convolutions with 16, 32 and 64 filters, each followed by pooling, then
400 units; back through 20·20 units, convolutions with 128 and 64 filters, each followed by
enlarging, and a 1×1 convolution. The colours are inverted inside. The encoder has 2,583,696
parameters, the decoder 235,537. What differs: sides that do not halve evenly are cut at the end.
"""

from typing import Any

from keras import layers
from pydantic import Field

from sparkgen.config.strict import Positive, Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.resizing import coarse_sides, cut_to, dense_map
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.reconstruction._base import Autoencoder, inversion


class Config(Strict):
    """Options of the convolutional autoencoder."""

    latent: int = Field(400, gt=0)
    """Size Z of the latent."""
    filters: tuple[Positive, ...] = Field((16, 32, 64), strict=False)
    """Of the encoder's convolutions; each is followed by pooling to half the size."""
    decoder_filters: tuple[Positive, ...] = Field((128, 64), strict=False)
    """Of the decoder's convolutions; each is followed by enlarging to twice the size."""
    spread: int = Field(1, gt=0)
    """Channels of the small image that the decoder lays the latent out in."""
    invert: bool = True
    """Work on 1 - x; images go in and come out as they are."""


def encoder_layers(config: Config) -> list[Any]:
    """Images (B, H, W, C) → latents (B, Z)."""
    stages = inversion(config.invert)
    for filters in config.filters:
        stages.append(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        stages.append(layers.MaxPooling2D(padding="same"))
    return [*stages, layers.Flatten(), layers.Dense(config.latent, "relu")]


def decoder_layers(config: Config, spec: DataSpec) -> list[Any]:
    """Latents (B, Z) → images (B, H, W, C) in [0, 1]."""
    doublings = len(config.decoder_filters)
    stages = dense_map(coarse_sides(spec.shape, doublings), config.spread)
    for filters in config.decoder_filters:
        stages.append(layers.Conv2D(filters, 3, padding="same", activation="relu"))
        stages.append(layers.UpSampling2D())
    stages.append(cut_to(spec.shape, doublings))
    stages.append(layers.Conv2D(spec.shape[2], 1, activation="sigmoid"))
    return [*stages, *inversion(config.invert)]


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The convolutional autoencoder for images of `spec.shape`."""
    return Autoencoder(
        spec,
        encoder=encoder_layers(config),
        decoder=decoder_layers(config, spec),
        latent=config.latent,
        name="conv_autoencoder",
    )
