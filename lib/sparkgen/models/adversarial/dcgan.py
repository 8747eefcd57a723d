"""Deep convolutional generative adversarial network.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015; the networks are in `sparkgen.layers.adversarial`, the game is in
`sparkgen.models.adversarial._base`. What differs: Gaussian latents, kernels of 4×4 where the paper
has 5×5 (a multiple of the stride leaves no checkerboard: Odena et al., 2016), and two halvings,
28 → 14 → 7, where the paper's 64 pixels have four.
"""

from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.layers.adversarial import (
    Convolutions,
    convolutional_discriminator,
    convolutional_generator,
)
from sparkgen.models.adversarial._base import AdversarialModel, Loss, Networks
from sparkgen.models.contract import GenerativeModel


class Config(Strict):
    """Options of the deep convolutional adversarial network."""

    latent: int = Field(100, gt=0)
    """Size Z of the latent."""
    halvings: int = Field(2, gt=0)
    """Convolutions of stride 2; both sides of the image must be multiples of 2 to this power."""
    filters: int = Field(64, gt=0)
    """Of the finest feature maps; each coarser one has twice as many."""
    kernel: int = Field(4, gt=1)
    """Side of the kernels."""
    loss: Loss = "non_saturating"
    """What the generator minimises."""
    conditional: bool = False
    """Whether both networks are given the label."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The deep convolutional adversarial network for images of `spec.shape`.

    Raises:
        RequestError: an image whose sides cannot be halved.
    """
    cut = Convolutions(config.halvings, config.filters, config.kernel)
    outputs = spec.classes if config.conditional else 1
    networks = Networks(
        convolutional_generator(spec.shape, cut),
        convolutional_discriminator(spec.shape, cut, outputs=outputs),
    )
    return AdversarialModel(
        spec,
        networks,
        latent=config.latent,
        loss=config.loss,
        conditional=config.conditional,
        name="dcgan",
    )
