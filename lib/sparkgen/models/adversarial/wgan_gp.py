"""The Wasserstein adversarial network has a critic with a gradient penalty as its discriminator.

Gulrajani et al., "Improved Training of Wasserstein GANs", 2017. The critic c, which has no sigmoid,
and the generator G minimise

    c(G(z)) - c(x) + λ (‖∇c(x̂)‖ - 1)²,   x̂ = u x + (1 - u) G(z),   and   -c(G(z)).

The coefficient u of every row comes with the batch. What differs: the critic's updates for one of
the generator see the same real images, each with its own latents and coefficients.
"""

from collections.abc import Mapping
from typing import Any, Literal

from keras import ops
from pydantic import Field

from sparkgen.config.strict import Positive
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.adversarial import dense_discriminator, dense_generator
from sparkgen.layers.gradients import gradient
from sparkgen.models.adversarial._base import (
    AdversarialModel,
    ConvolutionalConfig,
    Networks,
    signed,
)
from sparkgen.models.contract import Batch, GenerativeModel, Tensor
from sparkgen.noise import NoiseSpec

EPSILON = 1e-12  # keeps the gradient of the norm finite at 0


class Config(ConvolutionalConfig):
    """Options of the Wasserstein adversarial network."""

    network: Literal["convolutional", "dense"] = "convolutional"
    """Kind of both networks."""
    hidden: tuple[Positive, ...] = Field((256, 512), strict=False)
    """Units of a dense generator; the critic has them in reverse."""
    critic_steps: int = Field(5, gt=0)
    """Updates of the critic for one of the generator."""
    gradient_penalty: float = Field(10.0, ge=0)
    """Its weight λ."""


class WassersteinGan(AdversarialModel):
    """An adversarial model with the Wasserstein loss. The critic's optimizer group is `discriminator`."""

    metric_names = ("wasserstein", "gradient_penalty")

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(
            spec,
            _networks(config, spec),
            latent=config.latent,
            discriminator_steps=config.critic_steps,
            row_noise={"interpolation": NoiseSpec((1, 1, 1), "uniform")},
            **kwargs,
        )
        self.penalty_weight = config.gradient_penalty

    def discriminator_terms(
        self, batch: Batch, noise: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        real = signed(batch["image"])
        fake = ops.stop_gradient(self.fake(noise["latent"], batch["label"], training=training))
        between = noise["interpolation"] * real + (1.0 - noise["interpolation"]) * fake
        distance_B = self._criticise(real, training) - self._criticise(fake, training)
        penalty_B = self.gradient_penalty(between, training=training)
        return {
            "discriminator": self.penalty_weight * penalty_B - distance_B,
            "wasserstein": distance_B,
            "gradient_penalty": penalty_B,
        }

    def generator_terms(
        self, batch: Batch, noise: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        fake = self.fake(noise["latent"], batch["label"], training=training)
        return {"generator": -self._criticise(fake, training)}

    def gradient_penalty(self, image: Tensor, *, training: bool) -> Tensor:
        """(‖∇c‖ - 1)² at images (B, H, W, C) in [-1, 1]: (B,). No gradient flows to the images."""
        _, gradient_BHWC = gradient(lambda x: self._criticise(x, training), image)
        norm_B = ops.sqrt(ops.sum(ops.square(gradient_BHWC), axis=(1, 2, 3)) + EPSILON)
        return ops.square(norm_B - 1.0)

    def _criticise(self, image: Tensor, training: bool) -> Tensor:
        return self.discriminator(image, training=training)[:, 0]


def _networks(config: Config, spec: DataSpec) -> Networks:
    if config.network == "dense":
        return Networks(
            dense_generator(spec.shape, config.hidden), dense_discriminator(config.hidden[::-1])
        )
    # The penalty is on each row's own gradient, which batch normalisation would mix with the others.
    return config.networks(spec, normalise=False)


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The Wasserstein adversarial network for images of `spec.shape`."""
    return WassersteinGan(config, spec, name="wgan_gp")
