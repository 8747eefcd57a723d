"""What the sections of `conf/experiments/*.yaml` may say."""

import re
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sparkgen.config.strict import Seed, Strict


class ModelConfig(Strict):
    """A model by its dotted name under `sparkgen.models`, and the options of its own `Config`."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+\.[a-z0-9_]+$")]
    options: dict[str, Any] = {}


class DensityConfig(Strict):
    """The density fitted on training latents, from which an encoder-decoder generates."""

    kind: Literal["prior", "diagonal", "full", "mixture"] = "prior"
    """`prior`: the model's own N(0, I); the others are fitted on encoded training rows."""
    components: Annotated[int, Field(gt=0)] = 10
    """Gaussians of the mixture."""
    rows: Annotated[int, Field(gt=0)] = 20_000
    """Training rows encoded for the fit, at most."""


class ScheduleConfig(Strict):
    """How the learning rate goes with the steps of the training, the same for all optimizers."""

    kind: Literal["constant", "cosine", "exponential", "piecewise"] = "constant"
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """Steps of a linear rise from 0; a cosine or an exponential decay begins when it has ended."""
    decay_steps: Annotated[int, Field(gt=0)] | None = None
    """Steps of the decay; None: all steps of the training that the warm-up leaves."""
    final_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The rate at the end, as a fraction of `learning_rate`."""
    boundaries: tuple[Annotated[int, Field(gt=0)], ...] = ()
    """Steps of the training, the first being 0, after which a piecewise rate is multiplied by
    `factor`; ascending."""
    factor: Annotated[float, Field(gt=0)] = 0.1
    """Of a piecewise rate."""

    @field_validator("boundaries", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> "ScheduleConfig":
        used = {
            "cosine": {"decay_steps", "final_fraction"},
            "exponential": {"decay_steps", "final_fraction"},
            "piecewise": {"boundaries", "factor"},
        }.get(self.kind, set())
        given = self.model_fields_set - {"kind", "warmup_steps"}
        changed = {k for k in given if getattr(self, k) != type(self).model_fields[k].default}
        if unused := changed - used:
            raise ValueError(f"{', '.join(sorted(unused))} has no effect on a {self.kind} rate")
        if self.kind == "piecewise":
            self._check_boundaries()
        return self

    def _check_boundaries(self) -> None:
        if not self.boundaries:
            raise ValueError("a piecewise rate needs boundaries")
        if list(self.boundaries) != sorted(set(self.boundaries)):
            raise ValueError("boundaries must ascend")
        if self.boundaries[0] < self.warmup_steps:
            raise ValueError("boundaries must not lie within the warm-up")


class OptimizerConfig(Strict):
    """A Keras optimizer."""

    name: Literal["adam", "adamw", "sgd", "rmsprop", "adamax", "nadam", "lion"] = "adam"
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    options: dict[str, Any] = {}
    """Further arguments of the Keras class, such as `beta_1` or `clipnorm`."""
    schedule: ScheduleConfig = ScheduleConfig()


class EarlyStoppingConfig(Strict):
    """Stop when a figure no longer gets better, and keep the best weights."""

    monitor: str = "val_loss"
    """A figure of training or validation that its model says is better lower or higher."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Epochs without a better figure before training stops."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0


START_FROM = re.compile(r"models:/[\w. -]+/[1-9][0-9]*|[a-z0-9][a-z0-9_]*(/[1-9][0-9]*)?")


class TrainingConfig(Strict):
    """How a model is trained. Nothing here depends on how many workers there are."""

    method: Literal["gradient", "counting"] | None = None
    """How the model learns. The model itself says so, and another method is refused; leave it out."""
    start_from: str | None = None
    """Begin with the weights of a registered model: `vae_mnist`, the champion of that experiment;
    `vae_mnist/3`, its version 3; or `models:/NAME/3`, a version by its registered name. Tensors that
    have the same name and shape are taken, the others are told."""
    epochs: Annotated[int, Field(gt=0)]
    batch_size: Annotated[int, Field(gt=0)]
    """Rows of a global batch, over all workers; a multiple of the dataset's lanes."""
    max_steps: Annotated[int, Field(gt=0)] | None = None
    """Stop after this many steps in all, also in mid-epoch."""
    seed: Seed = 0
    optimizer: OptimizerConfig = OptimizerConfig()
    optimizers: dict[str, OptimizerConfig] = {}
    """By group, for models with several optimizers; a group not named here takes `optimizer`."""
    early_stopping: EarlyStoppingConfig | None = None
    mixed_precision: bool = False
    """Compute in float16 on GPUs that have it, bfloat16 elsewhere; weights stay float32."""
    compression: Literal["none", "fp16"] = "none"
    """How gradients travel between workers; `fp16` halves their bytes and keeps 11 bits of each."""
    ema_momentum: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Keep an exponential moving average of the weights over their updates, and validate and finish
    with it; batch statistics are then taken of the averages, over 20 training batches."""
    jit_compile: bool = False
    """Compile the training step with XLA, on one worker. Sums are rounded otherwise than without it,
    and dropout drops other units."""
    deterministic: bool = True
    """Deterministic operations: the same run twice gives the same bits."""
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Seconds between checkpoints within an epoch; every epoch ends with one."""
    checkpoint_steps: Annotated[int, Field(gt=0)] | None = None
    """Steps between checkpoints, in place of `checkpoint_seconds`."""
    keep_checkpoints: Annotated[int, Field(gt=0)] = 2

    @field_validator("start_from")
    @classmethod
    def _names_a_model(cls, value: str | None) -> str | None:
        if value is not None and not START_FROM.fullmatch(value):
            raise ValueError("name an experiment, as vae_mnist, vae_mnist/3 or models:/NAME/3")
        return value


LEAST_JUDGED = 4
"""Samples and rows that figures of a judge need: each has its third neighbour among the others."""


class EvaluationConfig(Strict):
    """What the evaluate job computes on the whole test split."""

    split: Literal["test", "validation", "train"] = "test"
    likelihood_samples: Annotated[int, Field(gt=0)] = 50
    """Importance samples a row of bounds that have them."""
    batch_rows: Annotated[int, Field(gt=0)] = 100
    seed: Seed = 0
    samples: Annotated[int, Field(ge=0)] = 500
    """Samples made for the yardstick: memorisation, and with a judge KID, FID and the others."""
    judge: str | None = None
    """The experiment of the classifier whose champion judges samples and gives their features."""

    @model_validator(mode="after")
    def _are_enough_to_judge(self) -> "EvaluationConfig":
        if self.judge is not None and 0 < self.samples < LEAST_JUDGED:
            raise ValueError(
                f"with a judge samples must be 0, or {LEAST_JUDGED} or more, found {self.samples}"
            )
        return self


class SamplingConfig(Strict):
    """What the sample job makes."""

    count: Annotated[int, Field(gt=0)] = 100
    seed: Seed = 0
    label: Annotated[int, Field(ge=0)] | None = None
    """The label of every sample of a conditional model; None: labels in turn."""
    given: dict[str, dict[str, Any]] = {}
    """Where what is given to the model comes from, by its name: `{image: {from: rows, split: test}}`
    gives it the pictures of a split. `from` is `rows`, `mask`, `one` or `in_turn`; each has options."""
    options: dict[str, Any] = {}
    """Options of the model's `generate`."""
    batch_rows: Annotated[int, Field(gt=0)] = 100
    contact_sheet: Annotated[int, Field(gt=0)] = 100
    """Samples on the contact sheet, at most."""
    png: bool = False
    """Write one PNG file a sample as well."""


class Gate(Strict):
    """A bound that a metric of the evaluation must keep for a model to become champion."""

    metric: str
    max: float | None = None
    min: float | None = None
    max_regression: Annotated[float, Field(ge=0)] | None = None
    """Relative: no worse than the champion's figure by more than this share of it."""
    higher_is_better: bool = False
    """The direction `max_regression` looks in."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Gate":
        if self.max is None and self.min is None and self.max_regression is None:
            raise ValueError("a gate needs max, min or max_regression")
        return self


MEMORISATION_GATE = Gate(metric="memorised", max=0.05)
"""Held by every experiment that samples and has no gate of its own on this figure. Images like the
held-out ones would give 0.01; see `sparkgen.evaluation.memorisation`."""
