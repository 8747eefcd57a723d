"""Denoising autoencoder: brings the clean picture back from a damaged one.

Vincent et al., "Extracting and Composing Robust Features with Denoising Autoencoders", 2008:
minimise |x - g(f(x̃))|², x̃ a random corruption of x. The reference masks a random half of the
pixels. `inpaint` fills in pixels that are missing.
"""

from typing import Any, Literal

from keras import layers, ops
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.autoencoder import Autoencoder
from sparkgen.models.contract import Batch, GenerativeModel, Tensor
from sparkgen.noise import NoiseSpec

Corruption = Literal["mask", "gaussian", "salt_and_pepper"]


class Config(Strict):
    """Options of the denoising autoencoder."""

    latent: int = Field(64, gt=0)
    """Size Z of the latent."""
    hidden: tuple[int, ...] = Field((512,), strict=False)
    """Units of the encoder's relu layers; the decoder has them in reverse."""
    corruption: Corruption = "mask"
    """What damages the pixels in training."""
    amount: float = Field(0.5, ge=0)
    """Share of the pixels damaged; for `gaussian` the noise's standard deviation, pixels in [0, 1]."""


def corrupt(x: Tensor, noise: Tensor, *, kind: Corruption, amount: float) -> Tensor:
    """Damaged pixels.

    Args:
        x: float32, range [0, 1].
        noise: shaped like `x`; standard normal for `gaussian`, uniform on [0, 1) for the others.
        kind: `mask` sets pixels to 0, `gaussian` adds noise, `salt_and_pepper` sets half of the
            damaged pixels to 0 and half to 1.
        amount: as in `Config`.
    """
    if kind == "gaussian":
        return x + amount * noise
    damaged = ops.cast(noise < amount, "float32")
    salt = ops.cast(noise < 0.5 * amount, "float32") if kind == "salt_and_pepper" else 0.0
    return x * (1.0 - damaged) + salt


class DenoisingAutoencoder(Autoencoder):
    """A dense autoencoder whose input is damaged in training."""

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        down = [layers.Dense(units, "relu") for units in config.hidden]
        up = [layers.Dense(units, "relu") for units in reversed(config.hidden)]
        super().__init__(
            spec,
            encoder=[layers.Flatten(), *down, layers.Dense(config.latent)],
            decoder=[*up, layers.Dense(spec.size, "sigmoid")],
            latent=config.latent,
            **kwargs,
        )
        self.config = config
        uniform, normal = NoiseSpec(spec.shape, "uniform"), NoiseSpec(spec.shape, "normal")
        self.training_noise = {"corruption": normal if config.corruption == "gaussian" else uniform}

    def corrupt(self, x: Tensor, noise: Tensor) -> Tensor:
        """Images damaged as in training, with noise of `training_noise["corruption"]`."""
        return corrupt(x, noise, kind=self.config.corruption, amount=self.config.amount)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        damaged = self.corrupt(batch["image"], batch["noise"]["corruption"])
        return self.errors(batch["image"], self.decode_raw(self.encode(damaged)))

    def inpaint(self, x: Tensor, known: Tensor, *, rounds: int = 1) -> Tensor:
        """Images whose missing pixels are filled in; known pixels stay.

        Args:
            x: float32 (B, H, W, C), range [0, 1]; what stands in missing pixels does not matter.
            known: like `x`, 1 where a pixel is known, 0 where it is missing.
            rounds: how often the filled picture goes through the model; the first time, missing
                pixels are 0, as masked ones are in training.
        """
        filled = x * known
        for _ in range(rounds):
            filled = x * known + self.reconstruct(filled) * (1.0 - known)
        return filled


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The denoising autoencoder for images of `spec.shape`."""
    return DenoisingAutoencoder(config, spec, name="denoising_autoencoder")
