"""The diffusion model learns to remove noise from images, and generates them from noise alone.

Ho et al., "Denoising Diffusion Probabilistic Models", 2020: a U-Net is given a noised image x_t and
its time t, and minimises the squared error of what it predicts of it; the process, its schedules and
its way back are in `sparkgen.layers.diffusion`. What differs: x and v may be predicted in place of
ε, the way back is DDIM's unless ancestral sampling is asked for, and with labels it is guided
without a classifier (Ho and Salimans, 2022): labels are dropped at random in training, and

    prediction = p(x_t) + guidance · (p(x_t, y) - p(x_t)).

Missing pixels are filled in as by Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion
Probabilistic Models", 2022, without its resampling: after each step of the way back, known pixels are
replaced by those of the picture, noised to the level of that step.
"""

from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal

import keras
import numpy as np
from keras import ops
from pydantic import Field

from sparkgen.config.options import Range
from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.layers.compiled import compiled
from sparkgen.layers.diffusion import (
    Prediction,
    Schedule,
    Step,
    denoised,
    kept_variances,
    noise_of,
    noised,
    target,
    way_back,
)
from sparkgen.layers.unet import GROUPS, UNet, Widths, sinusoids
from sparkgen.models.contract import LABEL, Batch, Direction, GenerativeModel, Tensor
from sparkgen.models.inpainting import partial_picture, picture_given
from sparkgen.noise import NoiseSpec

Channels = Annotated[int, Field(gt=0, multiple_of=GROUPS)]


class Config(Strict):
    """Options of the diffusion model."""

    steps: int = Field(1000, gt=1)
    """T, the times of the process."""
    schedule: Schedule = "cosine"
    """How the variances of the noise depend on the time."""
    prediction: Prediction = "v"
    """What the network predicts."""
    channels: tuple[Channels, ...] = Field((32, 64, 64), strict=False, min_length=1)
    """Of the U-Net's levels, the finest first; multiples of 8."""
    blocks: int = Field(1, gt=0)
    """Residual blocks for each level, on the way down and on the way up."""
    attention_levels: int = Field(1, ge=0)
    """Of the coarsest levels, those with self-attention."""
    patch: int = Field(1, gt=0)
    """Side of the patches that the image is folded into."""
    embedding: int = Field(128, gt=0, multiple_of=2)
    """Size E of the embedding of time and label."""
    conditional: bool = False
    """Whether the network is given the label."""
    label_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of the rows whose label is withheld in training."""
    guidance: float = Field(1.0, ge=0)
    """Of `generate`: 0 ignores the label, 1 follows it, more exaggerates it."""
    sampler: Literal["ddim", "ancestral"] = "ddim"
    """Whether the way back draws fresh noise."""
    sampling_steps: int = Field(50, gt=0)
    """Steps of the way back; for ancestral sampling the most that `generate` can take."""


class Ddpm(GenerativeModel):
    """A U-Net that is trained on noised images, and samples by removing noise step by step."""

    loss_names = ("mse",)
    metric_names = ("epsilon_mse",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"epsilon_mse": "lower"}

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        super().__init__(spec, **kwargs)
        self.config = config
        self.given = {**(LABEL if config.conditional else {}), **picture_given(spec)}
        ancestral = config.sampler == "ancestral"
        self.noise = NoiseSpec((config.sampling_steps, *spec.shape) if ancestral else spec.shape)
        self.training_noise = {
            "epsilon": NoiseSpec(spec.shape),
            "time": NoiseSpec((), "uniform"),
            **({"label": NoiseSpec((), "uniform")} if config.conditional else {}),
        }
        # The options are this model's own; without labels there is nothing to guide.
        most = config.sampling_steps if ancestral else config.steps
        options: dict[str, Any] = {"steps": config.sampling_steps}
        ranges = {"steps": Range(1, most)}
        if config.conditional:
            options["guidance"], ranges["guidance"] = config.guidance, Range(0)
        self.generate_options = options  # type: ignore[misc]
        self.generate_ranges = ranges  # type: ignore[misc]
        self.kept_T = kept_variances(config.schedule, config.steps)
        self.embed_time = keras.Sequential(
            [keras.layers.Dense(config.embedding, "silu"), keras.layers.Dense(config.embedding)],
            name="embed_time",
        )
        if config.conditional:  # The last row stands for a label withheld.
            self.embed_label = keras.layers.Embedding(spec.classes + 1, config.embedding)
        widths = Widths(config.channels, config.blocks, config.attention_levels, config.patch)
        widths.check(spec.shape)
        self.unet = UNet(spec.shape[2], widths, name="unet")
        self.compiled_step = compiled(self.step_back, xla=False)

    def predict_at(self, x_t: Tensor, time: Tensor, labels: Tensor | None) -> Tensor:
        """What the network predicts of `x_t` (B, H, W, C) at times (B,), float32, in steps."""
        embedding_BE = self.embed_time(sinusoids(time, self.config.embedding))
        if self.conditional:
            embedding_BE += self.embed_label(labels)
        return self.unet(x_t, ops.silu(embedding_BE))

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        kind, epsilon = self.config.prediction, batch["noise"]["epsilon"]
        x = 2.0 * batch["image"] - 1.0
        time_B = ops.floor(batch["noise"]["time"] * self.config.steps)
        a, s = self.rates(time_B)
        x_t = a * x + s * epsilon
        predicted = self.predict_at(x_t, time_B, self._training_labels(batch, training))
        error = predicted - target(kind, x, epsilon, a, s)
        epsilon_error = noise_of(kind, predicted, x_t, a, s) - epsilon
        return {
            "mse": ops.mean(ops.square(error), axis=(1, 2, 3)),
            "epsilon_mse": ops.mean(ops.square(epsilon_error), axis=(1, 2, 3)),
        }

    def rates(self, time: Tensor) -> tuple[Tensor, Tensor]:
        """a_t and s_t at times (B,): (B, 1, 1, 1) each."""
        kept_T = ops.convert_to_tensor(self.kept_T.astype(np.float32))
        lost_T = ops.convert_to_tensor((1 - self.kept_T).astype(np.float32))
        time_B111 = ops.reshape(ops.cast(time, "int32"), (-1, 1, 1, 1))
        return ops.sqrt(ops.take(kept_T, time_B111)), ops.sqrt(ops.take(lost_T, time_B111))

    # -- the way back ----------------------------------------------------------------------------

    def make(  # type: ignore[override]
        self,
        noise: Tensor,
        given: Mapping[str, Tensor],
        *,
        steps: int | None = None,
        guidance: float | None = None,
    ) -> Tensor:
        labels, picture = given.get("label"), partial_picture(given, self.spec)
        ancestral = self.config.sampler == "ancestral"
        steps = self.config.sampling_steps if steps is None else steps
        guidance = self.config.guidance if guidance is None else guidance
        path_BSHWC = ops.convert_to_tensor(noise) if ancestral else ops.expand_dims(noise, 1)
        available = path_BSHWC.shape[1]
        if ancestral and steps > available:
            raise ValueError(f"noise for {available} sampling steps: steps must not be {steps}")
        x = path_BSHWC[:, 0]
        for i, step in enumerate(way_back(self.kept_T, steps, eta=float(ancestral))):
            # Without fresh noise, and in the last step, its share is 0.
            fresh = path_BSHWC[:, min(i + 1, available - 1)]
            x = self.compiled_step(x, fresh, np.array(step, np.float32), labels, float(guidance))
            if picture is not None:
                x = ops.where(picture.known, noised(2.0 * picture.image - 1.0, fresh, step), x)
        made = ops.clip(0.5 * (x + 1.0), 0.0, 1.0)
        return made if picture is None else picture.over(made)

    def step_back(
        self, x_t: Tensor, fresh: Tensor, step: Tensor, labels: Tensor | None, guidance: float
    ) -> Tensor:
        """The image one step earlier, from x_t and fresh noise (B, H, W, C); `step` as (6,) numbers."""
        step = Step(*ops.unstack(step, num=len(Step._fields)))
        time_B = ops.broadcast_to(step.time, (ops.shape(x_t)[0],))
        predicted = self._guided(x_t, time_B, labels, guidance)
        x_hat = denoised(self.config.prediction, predicted, x_t, step.a, step.s)
        x_hat = ops.clip(x_hat, -1.0, 1.0)
        epsilon = (x_t - step.a * x_hat) / step.s
        return step.image_rate * x_hat + step.noise_rate * epsilon + step.spread * fresh

    def _guided(self, x_t: Tensor, time: Tensor, labels: Tensor | None, guidance: float) -> Tensor:
        if not self.conditional or guidance == 1.0:
            return self.predict_at(x_t, time, labels)
        without = self.predict_at(x_t, time, ops.full_like(labels, self.spec.classes))
        if guidance == 0.0:
            return without
        return without + guidance * (self.predict_at(x_t, time, labels) - without)

    def _training_labels(self, batch: Batch, training: bool) -> Tensor | None:
        if not self.conditional or not training:
            return batch["label"]
        withheld_B = batch["noise"]["label"] < self.config.label_dropout
        return ops.where(withheld_B, self.spec.classes, batch["label"])


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The diffusion model for images of `spec.shape`.

    Raises:
        RequestError: an image whose sides cannot be halved so often, or more sampling steps than T.
    """
    if config.sampling_steps > config.steps:
        raise RequestError(
            f"model.options.sampling_steps of at most the {config.steps} steps of the process",
            found=str(config.sampling_steps),
            mend="set it lower",
        )
    return Ddpm(config, spec, name="ddpm")
