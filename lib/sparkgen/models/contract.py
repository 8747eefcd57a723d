"""What every model is: a deterministic map from noise to data, with a loss that is a sum of terms.

A model file under `models/<family>/` exposes `Config` (a `sparkgen.config.strict.Strict`) and
`build(config, spec) -> GenerativeModel`. Models are written in `keras.ops`, so they run on every
Keras backend; raw TensorFlow only inside a custom `train_step`. They know nothing of ranks, Spark
or MLflow.

A batch is a dictionary:

| key | value |
| --- | --- |
| `id` | int64 (B,), the row's number in its split |
| `image` | float32 (B, H, W, C), range [0, 1] |
| `label` | int32 (B,) |
| `weight` | float32 (B,): 1 for a row, 0 for padding |
| `noise` | a dictionary: for each name of the model's `training_noise`, float32 (B, *shape) |
"""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Literal, NamedTuple

import keras
import numpy as np
from keras import ops

from sparkgen.config.options import Range
from sparkgen.layers.density import LatentDensity
from sparkgen.layers.network import KEEPS_DTYPE
from sparkgen.noise import NoiseSpec

Tensor = Any
Batch = dict[str, Any]
Direction = Literal["lower", "higher"]
"""Which way a figure is better."""


class DataSpec(NamedTuple):
    """What a model must know of a dataset."""

    shape: tuple[int, ...]
    """(height, width, channels)."""
    classes: int
    """Labels are 0 .. classes - 1."""
    seen: tuple[int, ...] | None = None
    """The labels that training rows have, ascending; None: all of them."""

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that can be asked for."""
        return tuple(range(self.classes)) if self.seen is None else self.seen

    @property
    def size(self) -> int:
        """Values of one image, H * W * C."""
        return int(np.prod(self.shape))


class Protocol(NamedTuple):
    """How a likelihood was computed. Figures of different protocols are not comparable."""

    kind: str
    """`exact`, or `bound` (the true log-likelihood is at least the figure)."""
    estimator: str
    """Such as `sum`, `elbo`, `iwae`."""
    binarisation: str
    """What the pixels were taken as. Binary: `dynamic` (Bernoulli(pixel), a draw a row and seed) or
    `threshold` (pixel >= 0.5). 256 levels: `none`; fewer: `17 levels`. Not discrete: `density` (nats
    relative to pixels in [0, 1]) or `relaxed` (grey values in a Bernoulli's formula, which is not
    normalised)."""
    samples: int
    """Latent samples a row."""


class Likelihood(NamedTuple):
    """A log-likelihood of a model: `function(batch)` gives nats a row, float32 (B,).

    `noise` is what `function` finds under the batch's `noise`, a function of each row's id and the
    evaluation's seed.
    """

    protocol: Protocol
    noise: dict[str, NoiseSpec]
    function: Callable[[Batch], Tensor]


class Clock:
    """Counts training steps, whatever a step does to how many optimizers.

    It is no part of a model's weights: whoever goes on with a training sets it.
    """

    def __init__(self) -> None:
        self.steps = keras.Variable("zeros", (), "int", trainable=False, name="training_steps")

    def tick(self) -> None:
        """Counts a step."""
        self.steps.assign_add(1)


class GenerativeModel(keras.Model):
    """The base of every model. Subclasses set the attributes below and write two methods."""

    noise: NoiseSpec
    """The noise of one generated sample."""
    training_noise: Mapping[str, NoiseSpec] = {}
    """The noises of one row in training and validation."""
    generate_options: ClassVar[Mapping[str, Any]] = {}
    """Options of `generate` with their defaults; plain values, so that they travel as JSON."""
    generate_ranges: ClassVar[Mapping[str, Range]] = {}
    """The ranges of options that have one."""
    learns: ClassVar[Literal["gradient", "counting", "nothing"]] = "gradient"
    """How it learns: by gradient steps in the workers, by counts that Spark sums, or not at all."""
    conditional: bool = False
    """Whether `generate` needs labels."""
    loss_names: tuple[str, ...] = ()
    """The entries of `loss_terms` whose sum is the loss; the others are logged only."""
    metric_names: tuple[str, ...] = ()
    loss_direction: Direction | None = "lower"
    """Which way the loss and its terms are better; None where networks play against each other."""
    metric_directions: ClassVar[Mapping[str, Direction]] = {}
    """The same of further figures; those that are not named are better neither way."""

    def __init__(self, spec: DataSpec, **kwargs: Any) -> None:
        # Images, noise and the model's own weights stay float32 in mixed precision; the layers
        # inside cast.
        super().__init__(**KEEPS_DTYPE, **kwargs)
        self.spec = spec
        names = (*self.loss_names, *self.metric_names)
        self.clock = Clock()
        self.term_trackers = [keras.metrics.Mean(name=name) for name in names]

    # -- what a model writes ---------------------------------------------------------------------

    def generate(self, noise: Tensor, *, labels: Tensor | None = None, **options: Any) -> Tensor:
        """Samples from noise, deterministically.

        Args:
            noise: float32 (B, *self.noise.shape).
            labels: int32 (B,) where the model is conditional.
            options: those of `generate_options`.

        Returns:
            float32 (B, H, W, C), range [0, 1].
        """
        raise TypeError(f"{type(self).__name__} does not generate")

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        """Every loss and metric term of every row: (B,) each, by `loss_names` and `metric_names`."""
        raise TypeError(f"{type(self).__name__} has no loss terms")

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        """The model's log-likelihoods by name, with `samples` latent samples a row where they matter."""
        return {}

    # -- what training uses ----------------------------------------------------------------------

    def train_step(self, data: tuple[Batch]) -> dict[str, Tensor]:
        """One training step; whoever overrides it lets the clock tick once."""
        figures: dict[str, Tensor] = super().train_step(data)
        self.clock.tick()
        return figures

    @classmethod
    def direction(cls, figure: str) -> Direction | None:
        """Which way a figure of training, validation (`val_`) or evaluation is better, if any."""
        name = figure.removeprefix("val_")
        if name == "loss" or name in cls.loss_names:
            return cls.loss_direction
        return cls.metric_directions.get(name)

    def call(self, batch: Batch, training: bool = False) -> dict[str, Tensor]:
        """The terms of `loss_terms`: what this model computes of a batch is its loss."""
        return self.loss_terms(batch, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> Tensor:
        """The mean over the batch's rows of the summed terms; every term goes to its tracker."""
        del y, sample_weight, training
        weight_B = x["weight"]
        for tracker in self.term_trackers:
            tracker.update_state(y_pred[tracker.name], sample_weight=weight_B)
        total_B = sum(y_pred[name] for name in self.loss_names)
        return ops.sum(total_B * weight_B) / ops.maximum(ops.sum(weight_B), 1.0)

    def optimizer_groups(self) -> dict[str, list[Any]]:
        """The trainable variables by optimizer; a model with one optimizer has the group `model`."""
        return {"model": self.trainable_variables}

    def set_optimizers(self, optimizers: Mapping[str, Any], *, jit_compile: bool = False) -> None:
        """Takes the optimizers of `optimizer_groups`, already built and distributed."""
        self.compile(optimizer=optimizers["model"], jit_compile=jit_compile)


class EncoderDecoder(GenerativeModel):
    """A model with latents, which generates by decoding draws of a density on them.

    Subclasses set `self.latent_size` (Z) in their constructor; discovery then sets the density.
    """

    latent_size: int
    density: LatentDensity

    def set_density(self, kind: str = "prior", components: int = 1) -> None:
        """Chooses, once, the density that `generate` draws latents of."""
        self.density = LatentDensity(self.latent_size, kind, components, name="density")
        self.density.build()
        self.noise = self.density.noise

    def encode(self, x: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """The latents of images (B, H, W, C) in [0, 1]: float32 (B, Z); a posterior's mean.

        `labels`, int32 (B,), are needed where the model is conditional and ignored elsewhere, here
        and below.
        """
        raise TypeError(f"{type(self).__name__} does not encode")

    def decode(self, latent: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """Images float32 (B, H, W, C) in [0, 1] from latents (B, Z)."""
        raise TypeError(f"{type(self).__name__} does not decode")

    def reconstruct(self, x: Tensor, *, labels: Tensor | None = None) -> Tensor:
        """Images as the model brings them back through its latents."""
        return self.decode(self.encode(x, labels=labels), labels=labels)

    def generate(self, noise: Tensor, *, labels: Tensor | None = None, **options: Any) -> Tensor:
        return self.decode(self.density(noise), labels=labels)


def empty_batch(spec: DataSpec, noise: Mapping[str, NoiseSpec], *, rows: int = 1) -> Batch:
    """A batch of zeros, with which a model makes its variables."""
    return {
        "id": np.zeros(rows, np.int64),
        "image": np.zeros((rows, *spec.shape), np.float32),
        "label": np.zeros(rows, np.int32),
        "weight": np.ones(rows, np.float32),
        "noise": {name: np.zeros((rows, *n.shape), np.float32) for name, n in noise.items()},
    }
