"""The first generative adversarial network has dense layers.

Goodfellow et al., "Generative Adversarial Networks", 2014; the losses are in
`sparkgen.models.adversarial._base`. What differs from the paper: leaky relu in both networks where
it has relu and maxout, no dropout, and Gaussian latents.
"""

from pydantic import Field

from sparkgen.config.strict import Positive, Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.adversarial import dense_discriminator, dense_generator
from sparkgen.models.adversarial._base import AdversarialModel, Loss, Networks
from sparkgen.models.contract import GenerativeModel


class Config(Strict):
    """Options of the dense adversarial network."""

    latent: int = Field(100, gt=0)
    """Size Z of the latent."""
    generator: tuple[Positive, ...] = Field((256, 512), strict=False)
    """Units of the generator's hidden layers."""
    discriminator: tuple[Positive, ...] = Field((512, 256), strict=False)
    """Units of the discriminator's hidden layers."""
    loss: Loss = "non_saturating"
    """What the generator minimises."""
    conditional: bool = False
    """Whether both networks are given the label."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The dense adversarial network for images of `spec.shape`."""
    networks = Networks(
        dense_generator(spec.shape, config.generator),
        dense_discriminator(config.discriminator, spec.classes if config.conditional else 1),
    )
    return AdversarialModel(
        spec,
        networks,
        latent=config.latent,
        loss=config.loss,
        conditional=config.conditional,
        name="gan",
    )
