"""Defines the sections, and their keys, of an experiment file in `conf/experiments`."""

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from sparkgen.config.saved_models import InceptionName, PartName, SavedModelName
from sparkgen.config.strict import Seed, Strict


class ModelConfig(Strict):
    """The model and its options: `sparkgen models` lists all models, `sparkgen models NAME` says what
    options one has.
    """

    name: str
    """The family and the name, such as `variational.vae`; or a module of your own, such as
    `their_package.their_module`, which must lie on Python's path."""
    options: dict[str, Any] = {}
    """The model's own options; those that are left out keep their defaults."""
    parts: dict[str, PartName] = {}
    """The models that the model stands on, by the names that it has for them, such as
    `{classifier: full_classifier_mnist}`: the champion of that experiment. `full_classifier_mnist/3`
    and `models:/NAME/3` name a version. `package:efficientnet-lite0` is a network with the weights of
    its package, `keras:VGG16` one of keras.applications with those that Keras fetches, and
    `keras:VGG16@/path/weights.h5` with those of a file, to which `#sha256=...` may hold it; `+top` after
    the network's name has it tell classes. `sparkgen models NAME` says which parts a model has."""

    @model_serializer(mode="wrap")
    def _without_no_parts(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves `parts` out where there are none, as older releases do, which do not know the key."""
        values: dict[str, Any] = handler(self)
        return {k: v for k, v in values.items() if k != "parts" or v}


class DensityConfig(Strict):
    """The density fitted on training latents, from which an encoder-decoder generates."""

    kind: Literal["prior", "diagonal", "full", "mixture"] = "prior"
    """`prior`: the model's own N(0, I). Others are Gaussians fitted to the latents of training rows (of a
    VAE, draws of its posterior): one with a diagonal covariance, one with a full one, or a mixture."""
    components: Annotated[int, Field(gt=0)] = 10
    """The number of Gaussians in the mixture."""
    rows: Annotated[int, Field(gt=0)] = 20_000
    """The fit uses at most this many training rows."""


class ScheduleConfig(Strict):
    """How the learning rate changes during the training, counted in training steps."""

    kind: Literal["constant", "cosine", "exponential", "piecewise"] = "constant"
    """The form of the curve after the warm-up."""
    warmup_steps: Annotated[int, Field(ge=0)] = 0
    """In this many first steps the rate rises from 0 in a straight line. A cosine or an exponential
    decay begins after them."""
    decay_steps: Annotated[int, Field(gt=0)] | None = None
    """The number of steps that a cosine or an exponential decay takes; null: all steps after the
    warm-up."""
    final_fraction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """The rate at the end of a cosine or an exponential decay, as a fraction of `learning_rate`."""
    boundaries: tuple[Annotated[int, Field(gt=0)], ...] = ()
    """A piecewise rate is multiplied by `factor` after each of these steps. They ascend; the first
    step of the training is step 0."""
    factor: Annotated[float, Field(gt=0)] = 0.1
    """What a piecewise rate is multiplied by after each of its boundaries."""

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
    """The Keras class, in small letters."""
    learning_rate: Annotated[float, Field(gt=0)] = 1e-3
    """`schedule` may change it during the training."""
    options: dict[str, Any] = {}
    """Further arguments of the Keras class, such as `beta_1` or `clipnorm`."""
    schedule: ScheduleConfig = ScheduleConfig()


class EarlyStoppingConfig(Strict):
    """Stop when a figure no longer gets better, and keep the best weights. Without this section the
    training goes on for all epochs.
    """

    monitor: str = "val_loss"
    """The figure to watch, from training or validation (`val_...`). The model must say whether lower
    or higher is better; where it does not, the request is refused."""
    patience: Annotated[int, Field(ge=0)] = 5
    """Training stops after this many epochs without a better figure."""
    min_delta: Annotated[float, Field(ge=0)] = 0.0
    """A figure counts as better only where it is better by more than this."""


class TrainingConfig(Strict):
    """How a model is trained. Nothing here depends on how many workers there are."""

    method: Literal["gradient", "counting"] | None = None
    """How the model learns. The model itself says so, and another method is refused; leave it out."""
    start_from: SavedModelName | None = None
    """Begin with the weights of a registered model: `vae_mnist`, the champion of that experiment;
    `vae_mnist/3`, its version 3; or `models:/NAME/3`, a version by its registered name. Tensors that
    have the same name and shape are taken; the others are counted in the log."""
    epochs: Annotated[int, Field(ge=0)] = 0
    """Passes over the training rows: 1 or more, or 0 for a model that learns nothing."""
    batch_size: Annotated[int, Field(ge=0)] = 0
    """Rows of one step, over all workers together: a multiple of `dataset.lanes`, or 0 for a model that
    learns nothing."""
    accumulate: Annotated[int, Field(gt=0)] = 1
    """Compute each step in this many slices of its rows, one after the other, and sum their gradients:
    less memory for the same `batch_size`, which is a multiple of `dataset.lanes` times this. Not of
    models with a `train_step` of their own that does not declare `heeds_settings`."""
    max_steps: Annotated[int, Field(gt=0)] | None = None
    """Stop after this many steps, also in the middle of an epoch; null: after all epochs."""
    seed: Seed = 0
    """Sets the first weights, the order of the rows and the noise of the training."""
    optimizer: OptimizerConfig = OptimizerConfig()
    optimizers: dict[str, OptimizerConfig] = {}
    """For models with several optimizers: the keys of `optimizer` under the name of a group of
    variables, such as `{generator: {learning_rate: 0.0002}}`. Other groups take `optimizer`."""
    early_stopping: EarlyStoppingConfig | None = None
    mixed_precision: bool = False
    """Compute in float16 on GPUs that have it, bfloat16 elsewhere; weights stay float32."""
    compression: Literal["none", "fp16"] = "none"
    """How gradients travel between workers; `fp16` halves their bytes and keeps 11 bits of each."""
    ema_momentum: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Keep an exponential moving average of the weights with this momentum, and validate and finish
    with it; null: no average. The statistics of batch normalisation are then computed for the
    averaged weights, over 20 training batches."""
    jit_compile: bool = False
    """Compile the training step with XLA; with several workers, its gradients and its updates, between
    which they exchange: not of models with batch normalisation, nor with a `train_step` of their own that
    does not declare `heeds_settings`. Sums are rounded in another way than without it; dropout drops
    other units."""
    deterministic: bool = True
    """Use deterministic operations only: the same run twice gives the same bits."""
    checkpoint_seconds: Annotated[float, Field(gt=0)] = 60.0
    """Seconds between checkpoints within an epoch; every epoch ends with a checkpoint."""
    checkpoint_steps: Annotated[int, Field(gt=0)] | None = None
    """Steps between checkpoints, in place of `checkpoint_seconds`; null: the seconds hold."""
    keep_checkpoints: Annotated[int, Field(gt=0)] = 2
    """How many checkpoints are kept, the newest ones."""


class ProbeConfig(Strict):
    """Linear probes: logistic regressions that tell the classes by a model's latents or features, and
    beside them by the pixels, and by as many principal components. They learn from labelled training
    rows, and their accuracy is that on `evaluation.split`. Without this section there are none; `{}`
    takes the defaults.
    """

    labels: tuple[Annotated[int, Field(ge=4)] | Literal["all"], ...] = (100, 1000, "all")
    """How many labelled training rows a probe learns from, as many of each class: figures for each of
    these numbers. `all`: all rows."""
    draws: Annotated[int, Field(gt=1)] = 10
    """A figure for so many labels, but for `all`, is the mean over this many random choices of rows."""
    rows: Annotated[int, Field(ge=4)] = 60_000
    """At most this many rows of a split are read, random ones. The driver holds their pixels and their
    latents in memory, and every Spark task that fits a probe holds them too."""

    @field_validator("labels", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _labels_are_several_numbers(self) -> "ProbeConfig":
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise ValueError("labels must be one number or more, each once")
        return self


LEAST_JUDGED = 4
"""Samples and rows that figures of a judge need: each has its third neighbour among the others."""


class EvaluationConfig(Strict):
    """What `sparkgen evaluate` computes."""

    split: Literal["test", "validation", "train"] = "test"
    """The split whose rows are measured, all of them."""
    likelihood_samples: Annotated[int, Field(gt=0)] = 50
    """Importance samples for each row, for likelihood bounds that are estimated by sampling."""
    batch_rows: Annotated[int, Field(gt=0)] = 100
    """Rows that a Spark task measures at once."""
    seed: Seed = 0
    """Sets the noise of the likelihoods and of the samples."""
    samples: Annotated[int, Field(ge=0)] = 500
    """How many samples are made to measure the model by: how many of them are copies of training
    rows, and with a judge KID, FID and more. 0: none."""
    judge: str | None = None
    """The name of a classifier's experiment. Its champion gives the features of KID and FID and the
    classes of the samples; null: these figures are left out."""
    inception: InceptionName | None = None
    """Weights of Inception v3, for the FID and KID that papers quote: `keras:InceptionV3`, which Keras
    fetches, or `keras:InceptionV3@/path/weights.h5`; null: these figures are left out. So they are, with
    a warning, where Keras cannot fetch the weights."""
    stride: Annotated[int, Field(gt=0)] | None = None
    """Tokens from window to window, for figures of texts `strided_<name>` beside those of the records,
    in which few tokens stand before the first ones; null: none."""
    probe: ProbeConfig | None = None
    """Linear probes of the latents, or of a classifier's features; null: none."""

    @model_validator(mode="after")
    def _are_enough_to_judge(self) -> "EvaluationConfig":
        judged = self.judge is not None or self.inception is not None
        if judged and 0 < self.samples < LEAST_JUDGED:
            raise ValueError(
                f"with a judge or inception samples must be 0, or {LEAST_JUDGED} or more, "
                f"found {self.samples}"
            )
        return self


MOST_BATCH_ROWS = 10_000
"""Of samples made at once: more would only take memory, and a registered sampler refuses them."""


class SamplingConfig(Strict):
    """What `sparkgen sample` makes."""

    count: Annotated[int, Field(gt=0)] = 100
    """The number of samples."""
    seed: Seed = 0
    """Sample i depends on the seed and on i alone."""
    label: Annotated[int, Field(ge=0)] | None = None
    """The label of every sample of a conditional model; null: all labels in turn."""
    given: dict[str, dict[str, Any]] = {}
    """Where the model gets what it is given, by name: `{image: {from: rows, split: test}}` gives it the
    pictures of a split. `sparkgen models NAME` says what a model takes, and which sources there are."""
    options: dict[str, Any] = {}
    """How the model generates; `sparkgen models NAME` says what options a model has here."""
    batch_rows: Annotated[int, Field(gt=0, le=MOST_BATCH_ROWS)] = 100
    """Samples that a Spark task makes at once."""
    contact_sheet: Annotated[int, Field(gt=0)] = 100
    """The contact sheet shows at most this many samples."""
    png: bool = False
    """Write a PNG file for every sample as well."""


class Gate(Strict):
    """A condition that a model must meet to become champion. It has `max`, `min`, `max_regression` or
    several of them.
    """

    metric: str
    """A figure of the evaluation."""
    max: float | None = None
    """The figure must be this or lower."""
    min: float | None = None
    """The figure must be this or higher."""
    max_regression: Annotated[float, Field(ge=0)] | None = None
    """The figure may be worse than the champion's by at most this fraction of the champion's figure,
    such as 0.05."""
    higher_is_better: bool = False
    """Tells `max_regression` which way the figure is better."""

    @model_validator(mode="after")
    def _has_a_bound(self) -> "Gate":
        if self.max is None and self.min is None and self.max_regression is None:
            raise ValueError("a gate needs max, min or max_regression")
        return self


MEMORISATION_GATE = Gate(metric="memorised", max=0.05)
"""Held by every experiment that samples and has no gate of its own on this figure. Images like the
held-out ones would give 0.01; see `sparkgen.evaluation.memorisation`."""
