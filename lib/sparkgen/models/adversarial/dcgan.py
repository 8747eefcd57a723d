"""The deep convolutional adversarial network generates images by transposed convolutions.

Radford et al., "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial
Networks", 2015; the networks are in `sparkgen.layers.adversarial`, the losses in
`sparkgen.models.adversarial._base`. What differs: Gaussian latents, kernels of 4×4 where the paper
has 5×5 (a multiple of the stride leaves no checkerboard: Odena et al., 2016), and two halvings,
28 → 14 → 7, where the paper's 64 pixels have four.

With `r1` the discriminator pays for its slope at real images (Mescheder et al., "Which Training Methods
for GANs do actually Converge?", 2018):

    γ / 2 ‖∇d(x)‖²,

whose ‖∇d(x)‖² is the figure `r1_penalty`. Near the end of training it then does not push the
generator from what is right. It has no batch normalisation, which would mix the slopes of a batch's rows.

With `candidates` the discriminator chooses among several images for each sample: fewer malformed ones,
less variety. Azadi et al., "Discriminator Rejection Sampling", 2019, accept an image by the ratio of
densities that its logit stands for; a fixed number makes a sample a function of its own noise.
"""

from collections.abc import Mapping
from typing import Any

from keras import ops
from pydantic import Field

from sparkgen.datasets.records import DataSpec
from sparkgen.layers.gradients import gradient
from sparkgen.models.adversarial._base import (
    AdversarialModel,
    ConvolutionalConfig,
    Loss,
    signed,
)
from sparkgen.models.contract import Batch, GenerativeModel, Tensor

R1 = "r1_penalty"
"""The figure ‖∇d(x)‖²."""


class Config(ConvolutionalConfig):
    """Options of the deep convolutional adversarial network."""

    loss: Loss = "non_saturating"
    """What the generator minimises."""
    conditional: bool = False
    """Whether both networks are given the label."""
    candidates: int = Field(1, gt=0)
    """Images made for a sample, of which the discriminator's favourite is kept."""
    r1: float = Field(0.0, ge=0)
    """Weight γ of the penalty at real images; 0: none, and batch normalisation instead."""


class PenalisedGan(AdversarialModel):
    """An adversarial model whose discriminator pays for its slope at real images."""

    metric_names = (R1,)

    def __init__(self, r1: float, *arguments: Any, **kwargs: Any) -> None:
        super().__init__(*arguments, **kwargs)
        self.r1 = r1

    def discriminator_terms(
        self, batch: Batch, noise: Mapping[str, Tensor], *, training: bool
    ) -> dict[str, Tensor]:
        terms = super().discriminator_terms(batch, noise, training=training)
        penalty_B = self.r1_penalty(batch, training=training)
        paid_B = terms["discriminator"] + 0.5 * self.r1 * penalty_B
        return {"discriminator": paid_B, R1: penalty_B}

    def r1_penalty(self, batch: Batch, *, training: bool) -> Tensor:
        """‖∇d(x)‖² of every row's image x in [-1, 1]: (B,)."""
        real, labels = signed(ops.convert_to_tensor(batch["image"])), batch["label"]
        _, slope_BHWC = gradient(lambda x: self.logit(x, labels, training=training), real)
        return ops.sum(ops.square(slope_BHWC), axis=(1, 2, 3))


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The deep convolutional adversarial network for images of `spec.shape`.

    Raises:
        RequestError: an image whose sides cannot be halved.
    """
    outputs = spec.classes if config.conditional else 1
    networks = config.networks(spec, outputs=outputs, normalise=not config.r1)
    options: dict[str, Any] = {
        "latent": config.latent,
        "loss": config.loss,
        "conditional": config.conditional,
        "candidates": config.candidates,
        "name": "dcgan",
    }
    if config.r1:
        return PenalisedGan(config.r1, spec, networks, **options)
    return AdversarialModel(spec, networks, **options)
