"""Binarisation makes grey pixels binary, by the protocols that published likelihoods use."""

from typing import Any, Literal

from keras import ops

from sparkgen.noise import NoiseSpec

Binarisation = Literal["none", "dynamic", "threshold"]


def binarise(x: Any, how: Binarisation, noise: Any = None) -> Any:
    """Pixels in [0, 1], binary unless `how` is `none`.

    Args:
        x: float32, range [0, 1].
        how: `dynamic` draws Bernoulli(x) (Salakhutdinov and Murray, 2008); `threshold` is x >= 0.5.
        noise: for `dynamic`, uniform on [0, 1), shaped like `x`.
    """
    if how == "none":
        return x
    # Strictly above the noise: a pixel of 0 stays 0 where the noise is 0, and 1 is above all noise.
    binary = ops.greater(x, noise) if how == "dynamic" else ops.greater_equal(x, 0.5)
    return ops.cast(binary, "float32")


def binarisation_noise(shape: tuple[int, ...], how: Binarisation) -> dict[str, NoiseSpec]:
    """The training noise that `binarise` needs of a row, under the name `binarisation`."""
    return {"binarisation": NoiseSpec(shape, "uniform")} if how == "dynamic" else {}
