"""Interpolation, concept vectors and charts in the latent space of any encoder-decoder.

`given` has the label of each image where the model is conditional.
"""

from collections.abc import Mapping
from typing import Any

import numpy as np
from keras import ops

from sparkgen.models.contract import NOTHING, Tensor
from sparkgen.models.encoder_decoder import EncoderDecoder

Values = Mapping[str, Tensor]
"""What is given, by name: a value for each image."""


def interpolate(
    model: EncoderDecoder, x: Tensor, other: Tensor, *, steps: int, given: Values = NOTHING
) -> Tensor:
    """Images whose latents lie on the line from `x` to `other`: g((1 - α) f(x) + α f(other)).

    Args:
        model: with encoder f and decoder g.
        x, other: float32 (B, H, W, C), range [0, 1].
        steps: S, how many α there are from 0 to 1, both included.
        given: to `x` and `other` alike.

    Returns:
        float32 (B, S, H, W, C), range [0, 1].
    """
    start_B1Z, end_B1Z = (ops.expand_dims(model.encode(image, given), 1) for image in (x, other))
    alpha_S1 = np.linspace(0, 1, steps, dtype=np.float32)[:, None]
    latent = ops.reshape((1 - alpha_S1) * start_B1Z + alpha_S1 * end_B1Z, (-1, model.latent_size))
    repeated = {name: ops.repeat(values, steps, axis=0) for name, values in given.items()}
    images = model.decode(latent, repeated)
    return ops.reshape(images, (-1, steps, *model.spec.shape))


def concept_vector(
    model: EncoderDecoder,
    positive: Tensor,
    negative: Tensor,
    *,
    given: tuple[Values, Values] = (NOTHING, NOTHING),
) -> Tensor:
    """The mean latent of images with a concept less that of images without it.

    Args:
        model: whose latents are meant.
        positive: images with the concept, float32 (P, H, W, C), range [0, 1].
        negative: images without it, float32 (N, H, W, C).
        given: to the one and to the other.

    Returns:
        float32 (Z,).
    """
    with_it, without_it = given
    mean_with = ops.mean(model.encode(positive, with_it), axis=0)
    return mean_with - ops.mean(model.encode(negative, without_it), axis=0)


def add_concept(
    model: EncoderDecoder,
    x: Tensor,
    vector_Z: Tensor,
    *,
    strength: float = 1.0,
    given: Values = NOTHING,
) -> Tensor:
    """Images (B, H, W, C) with `strength` times a concept added, or taken away if negative."""
    return model.decode(model.encode(x, given) + strength * vector_Z, given)


def latent_grid(
    model: EncoderDecoder,
    *,
    low: tuple[float, float],
    high: tuple[float, float],
    steps: int,
    label: int | None = None,
) -> Tensor:
    """The images over a rectangle of a two-dimensional latent space.

    Args:
        model: with Z = 2.
        low, high: the corners.
        steps: S, points on each side.
        label: of every image.

    Returns:
        float32 (S, S, H, W, C), range [0, 1]: rows go from high z₁ down to low, as on a chart,
        columns from low z₀ to high.

    Raises:
        ValueError: the latents are not of size 2.
    """
    if model.latent_size != 2:
        raise ValueError(f"expected latents of size 2, found {model.latent_size}: set latent to 2")
    z0, z1 = (np.linspace(a, b, steps, dtype=np.float32) for a, b in zip(low, high, strict=True))
    latent: Any = np.stack(np.meshgrid(z0, z1[::-1]), axis=-1).reshape(-1, 2)
    given = {} if label is None else {"label": np.full(steps * steps, label, np.int32)}
    return ops.reshape(model.decode(latent, given), (steps, steps, *model.spec.shape))
