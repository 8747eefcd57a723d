"""The Gaussian diffusion process adds noise to an image in steps; its way back removes it.

Ho et al., "Denoising Diffusion Probabilistic Models", 2020. At time t = 0 .. T - 1 an image x with
pixels in [-1, 1] has become

    x_t = a_t x + s_t ε,   a_t = √ᾱ_t,   s_t = √(1 - ᾱ_t),   ε ~ N(0, I).

A network predicts ε, x, or v = a ε - s x (Salimans and Ho, 2022). The way back is that of Song et
al., "Denoising Diffusion Implicit Models", 2021, over any times τ: with x̂ and ε̂ from the prediction,

    x_{t'} = a' x̂ + √(1 - ᾱ' - σ²) ε̂ + σ n,   σ² = η² (1 - ᾱ') / (1 - ᾱ) (1 - ᾱ / ᾱ').

η = 0 needs no noise but x_T; η = 1 draws from q(x_{t'} | x_t, x̂), which is ancestral sampling.
"""

from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt

Tensor = Any
FloatArray = npt.NDArray[np.float64]
Schedule = Literal["linear", "cosine"]
Prediction = Literal["epsilon", "x", "v"]

FIRST_BETA, LAST_BETA = 1e-4, 0.02  # of the linear schedule, for 1000 steps
COSINE_OFFSET = 0.008  # keeps the first steps from being too small (Nichol and Dhariwal, 2021)
LARGEST_BETA = 0.999


def betas(schedule: Schedule, steps: int) -> FloatArray:
    """The variances β_t of the noise that the T = `steps` steps add: (T,).

    `linear` is that of Ho et al., scaled to keep its end where T is not 1000; `cosine` that of Nichol
    and Dhariwal, "Improved Denoising Diffusion Probabilistic Models", 2021.
    """
    if schedule == "linear":
        scale = 1000 / steps
        return np.minimum(np.linspace(scale * FIRST_BETA, scale * LAST_BETA, steps), LARGEST_BETA)
    time = np.linspace(0, 1, steps + 1)
    kept = np.cos((time + COSINE_OFFSET) / (1 + COSINE_OFFSET) * np.pi / 2) ** 2
    return np.minimum(1 - kept[1:] / kept[:-1], LARGEST_BETA)


def kept_variances(schedule: Schedule, steps: int) -> FloatArray:
    """ᾱ_t, the share of the variance at time t that is the image's: (T,), falling."""
    return np.cumprod(1 - betas(schedule, steps))


def target(kind: Prediction, x: Tensor, noise: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """What a network is to predict of `x` (B, H, W, C) in [-1, 1] and `noise`, at rates a and s."""
    if kind == "epsilon":
        return noise
    return x if kind == "x" else a * noise - s * x


def denoised(kind: Prediction, predicted: Tensor, x_t: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """x̂, the image that a prediction at `x_t` stands for."""
    if kind == "epsilon":
        return (x_t - s * predicted) / a
    return predicted if kind == "x" else a * x_t - s * predicted


def noise_of(kind: Prediction, predicted: Tensor, x_t: Tensor, a: Tensor, s: Tensor) -> Tensor:
    """ε̂, the noise that a prediction at `x_t` stands for."""
    if kind == "epsilon":
        return predicted
    return (x_t - a * predicted) / s if kind == "x" else s * x_t + a * predicted


class Step(NamedTuple):
    """One step of the way back, t → t'."""

    time: float
    """t."""
    a: float
    s: float
    """Rates at t."""
    image_rate: float
    """a', the share of x̂ at t'."""
    noise_rate: float
    """The share of ε̂."""
    spread: float
    """σ, the share of fresh noise."""


def noised(x: Tensor, noise: Tensor, step: Step) -> Tensor:
    """Images `x` (B, H, W, C) in [-1, 1] with the noise of the end of a step: a' x + s' n.

    In the terms above s' = √(1 - ᾱ'); at the last step it is 0.
    """
    return step.image_rate * x + float(np.hypot(step.noise_rate, step.spread)) * noise


def way_back(kept: FloatArray, steps: int, eta: float) -> list[Step]:
    """The steps from x_T to an image.

    Args:
        kept: ᾱ_t, (T,).
        steps: 1 .. T, spread evenly over the times and always from T - 1 on.
        eta: 0 for DDIM, 1 for ancestral sampling.

    Raises:
        ValueError: more steps than there are times.
    """
    if not 1 <= steps <= len(kept):
        raise ValueError(f"expected 1 to {len(kept)} sampling steps, found {steps}")
    ends = np.round(np.arange(steps + 1) * len(kept) / steps).astype(int)
    before = np.concatenate([[1.0], kept])  # ᾱ after 0, 1, .. T steps of noise
    return [
        _step(time=int(t) - 1, kept=before[t], kept_next=before[u], eta=eta)
        for t, u in zip(ends[:0:-1], ends[-2::-1], strict=True)
    ]


def _step(*, time: int, kept: float, kept_next: float, eta: float) -> Step:
    variance = eta**2 * (1 - kept_next) / (1 - kept) * (1 - kept / kept_next)
    rest = max(1 - kept_next - variance, 0.0)
    rates = (kept, 1 - kept, kept_next, rest, variance)
    return Step(float(time), *(float(np.sqrt(rate)) for rate in rates))
