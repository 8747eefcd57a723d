"""The deep convolutional adversarial network generates images by transposed convolutions.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015; the networks are in `sparkgen.layers.adversarial`, the losses in
`sparkgen.models.adversarial._base`. What differs: Gaussian latents, kernels of 4×4 where the paper
has 5×5 (a multiple of the stride leaves no checkerboard: Odena et al., 2016), and two halvings,
28 → 14 → 7, where the paper's 64 pixels have four.
"""

from sparkgen.datasets.records import DataSpec
from sparkgen.models.adversarial._base import AdversarialModel, ConvolutionalConfig, Loss
from sparkgen.models.contract import GenerativeModel


class Config(ConvolutionalConfig):
    """Options of the deep convolutional adversarial network."""

    loss: Loss = "non_saturating"
    """What the generator minimises."""
    conditional: bool = False
    """Whether both networks are given the label."""


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The deep convolutional adversarial network for images of `spec.shape`.

    Raises:
        RequestError: an image whose sides cannot be halved.
    """
    return AdversarialModel(
        spec,
        config.networks(spec, outputs=spec.classes if config.conditional else 1),
        latent=config.latent,
        loss=config.loss,
        conditional=config.conditional,
        name="dcgan",
    )
