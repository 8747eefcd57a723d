"""The diffusion model learns to remove noise from images, and generates them from noise alone.

Ho et al., "Denoising Diffusion Probabilistic Models", 2020: a U-Net is given a noised image x_t and
its time t, and minimises the squared error of what it predicts of it; the process, its schedules and
its way back are in `sparkgen.layers.diffusion`. What differs: x and v may be predicted in place of
ε, the way back is DDIM's unless ancestral sampling is asked for, and with labels it is guided
without a classifier (Ho and Salimans, 2022): labels are dropped at random in training, and

    prediction = p(x_t) + guidance · (p(x_t, y) - p(x_t)).

A smaller U-Net can take the place of p(x_t), without labels too (Karras et al., "Guiding a Diffusion
Model with a Bad Version of Itself", 2024):

    prediction = p_small(x_t) + guidance · (p(x_t, y) - p_small(x_t)).

Both err in the same places, the smaller one by more, and guidance leads away from its errors. What
differs: it is trained beside the other, for as long, and is not given the label, so that guidance
exaggerates that as well.

A prompt guides it as a label does: a small transformer reads its words, and the U-Net sees them where it
has self-attention (`layers.prompts`). An empty prompt stands for one withheld. Of words that no caption
of the training has, the figure `unknown_words` counts those of each sample; they are left out.

Missing pixels are filled in as by Lugmayr et al., "RePaint: Inpainting using Denoising Diffusion
Probabilistic Models", 2022, without its resampling: after each step of the way back, known pixels are
replaced by those of the picture, noised to the level of that step.
"""

from collections.abc import Mapping
from typing import Any, ClassVar

import keras
import numpy as np
from keras import ops

from sparkgen.config.options import Range
from sparkgen.datasets.captions import encode_captions
from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.layers.compiled import compiled
from sparkgen.layers.diffusion import (
    Step,
    denoised,
    kept_variances,
    noise_of,
    noised,
    target,
    way_back,
)
from sparkgen.layers.prompts import PromptEncoder
from sparkgen.layers.unet import TimedUNet, UNet, Widths, sinusoids, time_embedding
from sparkgen.models.contract import LABEL, Batch, Direction, GenerativeModel, Given, Tensor
from sparkgen.models.diffusion._config import Config
from sparkgen.models.diffusion._prompted import NO_WISH, Wish, figure_names, prompt_figures
from sparkgen.models.inpainting import partial_picture, picture_given
from sparkgen.noise import NoiseSpec


class Ddpm(GenerativeModel):
    """A U-Net that is trained on noised images, and samples by removing noise step by step."""

    loss_names: tuple[str, ...] = ("mse",)
    """With a smaller U-Net its error too, `guide_mse`."""
    metric_names = ("epsilon_mse",)
    metric_directions: ClassVar[Mapping[str, Direction]] = {"epsilon_mse": "lower"}

    def __init__(self, config: Config, spec: DataSpec, **kwargs: Any) -> None:
        if config.guide_channels is not None:  # Known before the base makes a tracker of each.
            self.loss_names = ("mse", "guide_mse")
        super().__init__(spec, **kwargs)
        self.config = config
        self.caption = spec.record.caption if config.prompts else None
        self.given = {
            **(LABEL if config.conditional else {}),
            **({"prompt": Given("text")} if config.prompts else {}),
            **picture_given(spec),
        }
        conditioned = config.conditional or config.prompts
        self.guided = conditioned or config.guide_channels is not None
        # The same rows are without both, so that the network learns what is common to all.
        self.withheld = "label" if config.conditional else "prompt"
        ancestral = config.sampler == "ancestral"
        self.noise = NoiseSpec((config.sampling_steps, *spec.shape) if ancestral else spec.shape)
        self.training_noise = {
            "epsilon": NoiseSpec(spec.shape),
            "time": NoiseSpec((), "uniform"),
            **({self.withheld: NoiseSpec((), "uniform")} if conditioned else {}),
        }
        self._set_generate_options()
        self.kept_T = kept_variances(config.schedule, config.steps)
        self.embed_time = time_embedding(config.embedding)
        if config.conditional:  # The last row stands for a label withheld.
            self.embed_label = keras.layers.Embedding(spec.classes + 1, config.embedding)
        if self.caption is not None:
            self.figure_names = figure_names(spec)  # type: ignore[misc]
            self.read_prompt = PromptEncoder(
                self.caption.values,
                self.caption.shape[0],
                config.embedding,
                config.prompt_blocks,
                name="read_prompt",
            )
        widths, colours = self._widths("channels", config.channels), spec.shape[2]
        self.unet, self.guide = UNet(colours, widths, prompted=config.prompts, name="unet"), None
        if config.guide_channels is not None:
            widths = self._widths("guide_channels", config.guide_channels)
            self.guide = TimedUNet(colours, widths, config.embedding, name="guide")
        self.compiled_step = compiled(self.step_back, xla=False)
        self.compiled_predict = compiled(self.predict_at, xla=False)

    def _set_generate_options(self) -> None:
        """Guidance is an option where there is something to lead away from."""
        config = self.config
        most = config.sampling_steps if config.sampler == "ancestral" else config.steps
        options: dict[str, Any] = {"steps": config.sampling_steps}
        options["temperature"] = config.temperature
        ranges = {"steps": Range(1, most), "temperature": Range(0)}
        if self.guided:
            options["guidance"], ranges["guidance"] = config.guidance, Range(0)
        self.generate_options = options  # type: ignore[misc]
        self.generate_ranges = ranges  # type: ignore[misc]

    def _widths(self, option: str, channels: tuple[int, ...]) -> Widths:
        config = self.config
        widths = Widths(channels, config.blocks, config.attention_levels, config.patch)
        widths.check(self.spec.shape, option)
        return widths

    def predict_at(self, x_t: Tensor, time: Tensor, wish: Wish) -> Tensor:
        """What the network predicts of `x_t` (B, H, W, C) at times (B,), float32, in steps."""
        embedding_BE = self.embed_time(sinusoids(time, self.config.embedding))
        if self.conditional:
            embedding_BE += self.embed_label(wish.label)
        if wish.prompt is None:
            return self.unet(x_t, ops.silu(embedding_BE))
        embedding_BE += wish.prompt.words[:, 0]
        return self.unet(x_t, ops.silu(embedding_BE), *wish.prompt)

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        kind, epsilon = self.config.prediction, batch["noise"]["epsilon"]
        x = 2.0 * batch["image"] - 1.0
        time_B = ops.floor(batch["noise"]["time"] * self.config.steps)
        a, s = self.rates(time_B)
        x_t = a * x + s * epsilon
        predicted = self.predict_at(x_t, time_B, self._wish_in_training(batch, training))
        wanted = target(kind, x, epsilon, a, s)
        errors = {
            "mse": predicted - wanted,
            "epsilon_mse": noise_of(kind, predicted, x_t, a, s) - epsilon,
        }
        if self.guide is not None:
            errors["guide_mse"] = self.guide(x_t, time_B) - wanted
        return {name: ops.mean(ops.square(e), axis=(1, 2, 3)) for name, e in errors.items()}

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
        temperature: float | None = None,
    ) -> Tensor:
        picture = partial_picture(given, self.spec)
        wish, none = self._wish(given)
        ancestral = self.config.sampler == "ancestral"
        steps = self.config.sampling_steps if steps is None else steps
        guidance = self.config.guidance if guidance is None else guidance
        temperature = self.config.temperature if temperature is None else temperature
        path_BSHWC = ops.convert_to_tensor(noise) if ancestral else ops.expand_dims(noise, 1)
        available = path_BSHWC.shape[1]
        if ancestral and steps > available:
            raise ValueError(f"noise for {available} sampling steps: steps must not be {steps}")
        x = temperature * path_BSHWC[:, 0]
        for i, step in enumerate(way_back(self.kept_T, steps, eta=float(ancestral))):
            # Without fresh noise, and in the last step, its share is 0.
            fresh = path_BSHWC[:, min(i + 1, available - 1)]
            rates = np.array(step, np.float32)
            x = self.compiled_step(x, temperature * fresh, rates, wish, none, float(guidance))
            if picture is not None:
                x = ops.where(picture.known, noised(2.0 * picture.image - 1.0, fresh, step), x)
        made = ops.clip(0.5 * (x + 1.0), 0.0, 1.0)
        return made if picture is None else picture.over(made)

    def step_back(
        self, x_t: Tensor, fresh: Tensor, step: Tensor, wish: Wish, none: Wish, guidance: float
    ) -> Tensor:
        """The image one step earlier, from x_t and fresh noise (B, H, W, C); `step` as (6,) numbers.

        `none` is the wish for nothing, from which guidance leads away where there is no smaller U-Net.
        """
        step = Step(*ops.unstack(step, num=len(Step._fields)))
        time_B = ops.broadcast_to(step.time, (ops.shape(x_t)[0],))
        predicted = self._guided(x_t, time_B, wish, none, guidance)
        x_hat = denoised(self.config.prediction, predicted, x_t, step.a, step.s)
        x_hat = ops.clip(x_hat, -1.0, 1.0)
        epsilon = (x_t - step.a * x_hat) / step.s
        return step.image_rate * x_hat + step.noise_rate * epsilon + step.spread * fresh

    def _guided(self, x_t: Tensor, time: Tensor, wish: Wish, none: Wish, guidance: float) -> Tensor:
        if not self.guided or guidance == 1.0:
            return self.predict_at(x_t, time, wish)
        guide = self.guide
        without = self.compiled_predict(x_t, time, none) if guide is None else guide(x_t, time)
        if guidance == 0.0:
            return without
        return without + guidance * (self.compiled_predict(x_t, time, wish) - without)

    def _wish(self, given: Mapping[str, Tensor]) -> tuple[Wish, Wish]:
        """What samples are to be, and the wish for nothing."""
        wish = none = NO_WISH
        if self.conditional:
            label_B = given["label"]
            wish, none = Wish(label_B), Wish(ops.full_like(label_B, self.spec.classes))
        if self.caption is not None:
            tokens_BT = encode_captions(given["prompt"], self.caption).tokens
            empty_BT = np.full_like(tokens_BT, self.caption.values)
            wish = wish._replace(prompt=self.read_prompt(ops.convert_to_tensor(tokens_BT)))
            none = none._replace(prompt=self.read_prompt(ops.convert_to_tensor(empty_BT)))
        return wish, none

    def _wish_in_training(self, batch: Batch, training: bool) -> Wish:
        label_B, tokens_BT = batch["label"], batch.get("caption")
        if training and self.withheld in batch["noise"]:
            withheld_B = batch["noise"][self.withheld] < self.config.label_dropout
            label_B = ops.where(withheld_B, self.spec.classes, label_B)
            if self.caption is not None:
                tokens_BT = ops.where(withheld_B[:, None], self.caption.values, tokens_BT)
        return Wish(label_B, None if self.caption is None else self.read_prompt(tokens_BT))

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return prompt_figures(made, given["prompt"], self.spec)


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The diffusion model for images of `spec.shape`.

    Raises:
        RequestError: an image whose sides cannot be halved so often, or more sampling steps than T.
    """
    if config.prompts and spec.record.caption is None:
        raise RequestError(
            "a data set with captions for model.options.prompts",
            found=str(spec.record),
            mend="state dataset.captions, or set prompts to false",
        )
    if config.sampling_steps > config.steps:
        raise RequestError(
            f"model.options.sampling_steps of at most the {config.steps} steps of the process",
            found=str(config.sampling_steps),
            mend="set it lower",
        )
    return Ddpm(config, spec, name="ddpm")
