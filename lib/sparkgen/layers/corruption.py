"""Corruption damages pixels, for models that learn to restore them."""

from typing import Any, Literal

from keras import ops

from sparkgen.noise import NoiseSpec

Corruption = Literal["mask", "gaussian", "salt_and_pepper"]


def corrupt(x: Any, noise: Any, *, kind: Corruption, amount: float) -> Any:
    """Damaged pixels.

    Args:
        x: float32, range [0, 1].
        noise: of `corruption_noise`, shaped like `x`.
        kind: `mask` sets pixels to 0, `gaussian` adds noise, `salt_and_pepper` sets half of the
            damaged pixels to 0 and half to 1.
        amount: the share of the pixels damaged; for `gaussian` the noise's standard deviation.
    """
    if kind == "gaussian":
        return x + amount * noise
    damaged = ops.cast(noise < amount, "float32")
    salt = ops.cast(noise < 0.5 * amount, "float32") if kind == "salt_and_pepper" else 0.0
    return x * (1.0 - damaged) + salt


def corruption_noise(shape: tuple[int, ...], kind: Corruption) -> NoiseSpec:
    """The noise that `corrupt` needs of a picture."""
    return NoiseSpec(shape, "normal" if kind == "gaussian" else "uniform")
