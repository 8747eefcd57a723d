"""The losses of style transfer: how far a picture is from what another shows, and from how a third looks.

Gatys et al., "Image Style Transfer Using Convolutional Neural Networks", 2016. What is shown are the
answers F_l of some layers of a network, (positions, channels). How it looks are statistics of others
over all positions: the means m_l of the channels, and their covariances G_l = (F_l - m_l)^T (F_l - m_l) /
positions. With P_l the answers to the content, n_l and A_l the statistics of the style, and means over
the layers l,

    content = mean_l  mean (F_l - P_l)^2 / var P_l
    style   = mean_l  (|m_l - n_l|^2 / |n_l|^2 + |G_l - A_l|^2 / |A_l|^2) / 2.

What differs: the paper's Gram matrices are G_l + m_l^T m_l, of which the means are by far the larger part
after a ReLU, so that textures hardly count; here both count alike. Each layer's loss is relative, so that
no layer outweighs the others by its scale alone. Pictures are reflected at their edges, so that what a
network answers to an edge is not a part of the style.
"""

from collections.abc import Mapping
from typing import Any, NamedTuple

from keras import ops

from sparkgen.layers.picture_quality import luma
from sparkgen.layers.scaling import reflected
from sparkgen.models.contract import GenerativeModel, Tensor
from sparkgen.models.optimised._layers import weights_of_layers

STYLE_DEPTHS = (0.02, 0.08, 0.2, 0.33, 0.5)
"""Of the layers of a network that tell how a picture looks, where none are named."""
CONTENT_DEPTHS = (0.33,)
"""Of those that tell what it shows."""
MEASURED = 512
"""Pixels of the longer side of pictures whose losses are figures."""
MARGIN = 16
"""Pixels by which pictures are reflected at their edges."""


class Losses(NamedTuple):
    """The losses of pictures: (B,) each."""

    content: Tensor
    style: Tensor


class StyleLoss:
    """The losses by a network, whose weights stay as they are.

    Args:
        network: a model with activations.
        style: weights of layers that tell how a picture looks, by name.
        content: weights of layers that tell what it shows.
    """

    def __init__(
        self, network: GenerativeModel, style: Mapping[str, float], content: Mapping[str, float]
    ) -> None:
        self.network, self.style, self.content = network, _shares(style), _shares(content)

    def shown(self, x_BHWC: Tensor) -> dict[str, Tensor]:
        """What the layers of the content answer to pictures, by name."""
        return self._answers(x_BHWC, list(self.content))

    def looks(self, x_BHWC: Tensor) -> dict[str, Tensor]:
        """The statistics of the layers of the style, by name: (B, C + 1, C) each."""
        return {n: statistics(a) for n, a in self._answers(x_BHWC, list(self.style)).items()}

    def __call__(
        self, x_BHWC: Tensor, shown: Mapping[str, Tensor], looks: Mapping[str, Tensor]
    ) -> Losses:
        """The losses of pictures.

        Args:
            x_BHWC: the pictures.
            shown: what `shown` gives of the contents, of the same size.
            looks: what `looks` gives of the style, one for all pictures or one for each.
        """
        answers = self._answers(x_BHWC, list({**self.style, **self.content}))
        content_B = sum(
            share * content_loss(answers[n], shown[n]) for n, share in self.content.items()
        )
        style_B = sum(
            share * style_loss(statistics(answers[n]), looks[n]) for n, share in self.style.items()
        )
        return Losses(content_B, style_B)

    def _answers(self, x_BHWC: Tensor, names: list[str]) -> dict[str, Tensor]:
        return self.network.activations(reflected(x_BHWC, [(MARGIN, MARGIN)] * 2), names)


def style_loss_of(
    network: GenerativeModel, style: Mapping[str, float], content: Mapping[str, float]
) -> StyleLoss:
    """The losses by layers that a request names, or by some at usual depths; see `weights_of_layers`."""
    return StyleLoss(
        network,
        weights_of_layers(style, network, STYLE_DEPTHS, key="model.options.style_layers"),
        weights_of_layers(content, network, CONTENT_DEPTHS, key="model.options.content_layers"),
    )


def statistics(answers_BHWC: Tensor) -> Tensor:
    """The covariances of channels over all positions, and below them their means: (B, C + 1, C)."""
    _, height, width, channels = ops.shape(answers_BHWC)
    flat_BPC = ops.reshape(answers_BHWC, (-1, height * width, channels))
    mean_B1C = ops.mean(flat_BPC, axis=1, keepdims=True)
    away_BPC = flat_BPC - mean_B1C
    total_BCC = ops.matmul(ops.transpose(away_BPC, (0, 2, 1)), away_BPC)
    return ops.concatenate([total_BCC / ops.cast(height * width, "float32"), mean_B1C], axis=1)


def style_loss(found_BDC: Tensor, wanted_BDC: Tensor) -> Tensor:
    """The squared distances of covariances and of means, relative to those that are wanted: (B,)."""
    pairs = ((x[:, :-1], x[:, -1:]) for x in (found_BDC, wanted_BDC))
    (covariances, means), (wanted_covariances, wanted_means) = pairs
    return 0.5 * _relative(covariances, wanted_covariances) + 0.5 * _relative(means, wanted_means)


def _relative(found_BDC: Tensor, wanted_BDC: Tensor) -> Tensor:
    away_B = ops.sum(ops.square(found_BDC - wanted_BDC), axis=(1, 2))
    return away_B / (ops.sum(ops.square(wanted_BDC), axis=(1, 2)) + 1e-12)


def content_loss(answers_BHWC: Tensor, wanted_BHWC: Tensor) -> Tensor:
    """The mean squared distance of answers, relative to the variance of those that are wanted: (B,)."""
    away_B = ops.mean(ops.square(answers_BHWC - wanted_BHWC), axis=(1, 2, 3))
    return away_B / (ops.var(wanted_BHWC, axis=(1, 2, 3)) + 1e-6)


def roughness(x_BHWC: Tensor) -> Tensor:
    """The mean absolute difference of neighbouring pixels, down and right: (B,).

    A row or a column of single pixels has no neighbours: 0.
    """
    _, height, width, _ = ops.shape(x_BHWC)
    down_B = ops.mean(ops.abs(x_BHWC[:, 1:] - x_BHWC[:, :-1]), axis=(1, 2, 3))
    right_B = ops.mean(ops.abs(x_BHWC[:, :, 1:] - x_BHWC[:, :, :-1]), axis=(1, 2, 3))
    return ops.where(height > 1, down_B, 0.0) + ops.where(width > 1, right_B, 0.0)


def in_colours_of(x_BHWC: Tensor, picture_BHWC: Tensor) -> Tensor:
    """Pictures with the brightness of some and the colours of others, in [0, 1].

    Gatys et al., "Preserving Color in Neural Artistic Style Transfer", 2016: by brightness and colours as
    television has them (YIQ), where a change of brightness adds the same to red, green and blue.
    """
    return ops.clip(picture_BHWC + luma(x_BHWC) - luma(picture_BHWC), 0.0, 1.0)


def grey(x_BHWC: Tensor) -> Tensor:
    """Pictures without their colours, of the same form."""
    return luma(x_BHWC) + ops.zeros_like(x_BHWC)


def _shares(weights: Mapping[str, float]) -> dict[str, Any]:
    total = sum(weights.values())
    return {name: weight / total for name, weight in weights.items()}
