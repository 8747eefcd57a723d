"""What every model is: a deterministic map from noise and what is given to data, with a loss that is a
sum of terms.

A model file under `models/<family>/` exposes `Config` (a `sparkgen.config.strict.Strict`) and
`build(config, spec) -> GenerativeModel`. One that stands on other models names them in `PARTS`, each
with a `Part`, and its `build(config, spec, parts)` is given them. Models are written in `keras.ops`, so
they run on every Keras backend; raw TensorFlow only inside a custom `train_step`. They know nothing of
ranks, Spark or MLflow. What a model can do beside generating it declares (`reconstructs`, `has_latents`,
`classifies`, `activation_names`); training, evaluation and report ask for nothing else.

A batch is a dictionary:

| key | value |
| --- | --- |
| `id` | int64 (B,), the row's number in its split |
| `image` | float32 (B, H, W, C), range [0, 1]; for another kind of record see `datasets.records` |
| `label` | int32 (B,) |
| `caption` | int32 (B, T), beside pictures that have captions: tokens, then padding |
| `weight` | float32 (B,): 1 for a row, 0 for padding |
| `noise` | a dictionary: for each name of the model's `training_noise`, float32 (B, *shape) |
"""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from sparkgen.config.options import Range
from sparkgen.datasets.records import DataSpec, Record
from sparkgen.datasets.rows import Rows, make_batch
from sparkgen.models.declared import (
    EXACT,
    LABEL,
    NOTHING,
    Batch,
    Direction,
    Given,
    Likelihood,
    Measured,
    Part,
    Protocol,
    Statistics,
    Tensor,
)
from sparkgen.models.package import PackageSource
from sparkgen.models.portable import Blueprint
from sparkgen.models.trained import Trained
from sparkgen.noise import NoiseSpec

__all__ = [
    "EXACT",
    "LABEL",
    "NOTHING",
    "Batch",
    "Direction",
    "GenerativeModel",
    "Given",
    "Likelihood",
    "Measured",
    "Part",
    "Protocol",
    "Statistics",
    "Tensor",
    "empty_batch",
]


class GenerativeModel(Trained):
    """The base of every model. Subclasses set the attributes below and write two methods.

    Those that concern the training are in `models.trained`.
    """

    source: PackageSource | None = None
    """The user's package that it was built from, set by discovery; None: sparkgen itself."""
    blueprint: Blueprint
    """What it was built from, set by discovery."""
    noise: NoiseSpec
    """The noise of one generated sample."""
    training_noise: Mapping[str, NoiseSpec] = {}
    """The noises of one row in training and validation."""
    generate_options: ClassVar[Mapping[str, Any]] = {}
    """Options of `generate` with their defaults; plain values, so that they travel as JSON."""
    generate_ranges: ClassVar[Mapping[str, Range]] = {}
    """The ranges of options that have one."""
    given: Mapping[str, Given] = {}
    """What `generate` takes beside noise, by name. Where that is pictures of any size, they are given
    one by one: (1, H, W, channels)."""
    figure_names: ClassVar[tuple[str, ...]] = ()
    """The figures of a sample that `figures_of` gives."""
    reads: Mapping[str, str] = {}
    """The image files that its training begins with, by the names of the options that name them.
    `prepare` is given the pictures."""
    records: ClassVar[tuple[str, ...]] = ("image",)
    """The kinds of records that it learns from."""
    learns: ClassVar[Literal["gradient", "counting", "nothing"]] = "gradient"
    """How it learns: by gradient steps in the workers, by counts that Spark sums (it has `statistics`
    and `fit_statistics`), or not at all: then `sparkgen train` builds it, with its parts, and registers
    it as it is."""
    by_class: ClassVar[tuple[str, ...]] = ()
    """Terms that are also evaluated on the rows of each class, as `accuracy_<class name>`."""
    protocols: Mapping[str, str] = {}
    """By the names of terms how they are computed, in words, where figures of one name may differ."""
    reconstructs: ClassVar[bool] = False
    """Whether it has `reconstruct`: the errors of what it brings back are evaluated."""
    has_latents: ClassVar[bool] = False
    """Whether it has all that an `EncoderDecoder` has: a density is fitted, latents are drawn."""
    classifies: ClassVar[bool] = False
    """Whether it can judge samples: `features(x)` gives float32 (B, F) of records (B, *spec.shape),
    `head(features)` the unnormalised log-probabilities of the classes, float32 (B, classes)."""

    writes: ClassVar[bool] = False
    """Whether it makes texts that follow prompts, as a `language._base.LanguageModel` does."""
    answers_questions: ClassVar[bool] = False
    """Whether it has `context`, the tokens that it sees at most, and `span_logits(tokens, seen)`: of
    int32 and bool (B, T) the logits that an answer begins and ends at a token, float32 (B, T, 2)."""

    def generate(
        self, noise: Tensor, given: Mapping[str, Tensor] = NOTHING, **options: Any
    ) -> Tensor:
        """Samples from noise and what is given, deterministically.

        Args:
            noise: float32 (B, *self.noise.shape).
            given: by the names of `self.given`, a value for each sample.
            options: those of `generate_options`.

        Returns:
            Records of `makes` as a model sees them: (B, *makes.shape), or one picture of any size; texts
            as tokens, or as B strings. `Measured` where the model measures them while it makes them.

        Raises:
            ValueError: what is required is not given, or something else is.
        """
        required = {name for name, one in self.given.items() if one.required}
        if missing := sorted(required - set(given)):
            raise ValueError(
                f"expected {', '.join(missing)} to be given to {self.name}, found none"
            )
        if unknown := sorted(set(given) - set(self.given)):
            takes = ", ".join(self.given) or "nothing"
            raise ValueError(f"{self.name} takes {takes}, found {', '.join(unknown)} given")
        for name in given:
            if lacking := sorted(set(self.given[name].needs) - set(given)):
                raise ValueError(
                    f"expected {', '.join(lacking)} to be given to {self.name} with {name}, found none"
                )
        return self.make(noise, given, **{**self.generate_options, **options})

    @property
    def conditional(self) -> bool:
        """Whether `generate` needs labels."""
        return "label" in self.given

    @property
    def makes(self) -> Record:
        """The form of what `generate` gives."""
        return self.spec.record.bare

    def sees(self, record: Record) -> bool:
        """Whether it can be given records of a form."""
        return record.bare == self.spec.record.bare

    @property
    def activation_names(self) -> tuple[str, ...]:
        """The layers whose answers `activations` gives, from input to output; empty: none."""
        return ()

    def activations(self, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """What layers answer to records.

        Args:
            x: records (B, *spec.shape) as the model sees them, such as images in [0, 1].
            names: of the layers, some of `activation_names`.

        Returns:
            By name float32 (B, h, w, c) or (B, c), after the layer's nonlinearity.

        Raises:
            ValueError: it has no layer of a name.
        """
        for name in names:
            if name not in self.activation_names:
                among = ", ".join(self.activation_names) or "none"
                raise ValueError(f"expected layers of {self.name}, which are {among}, found {name}")
        return self.answers(x, names)

    # -- what a model writes ---------------------------------------------------------------------

    def make(self, noise: Tensor, given: Mapping[str, Tensor], **options: Any) -> Tensor:
        """What `generate` gives, of what it has looked over; every option has a value."""
        raise TypeError(f"{type(self).__name__} does not generate")

    def figures_of(self, made: Tensor, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Figures of samples by `figure_names`, (B,) each, of what was made as it is stored.

        It is not asked where `make` gives `Measured`.

        Args:
            made: samples as a model sees them, after they were rounded to what a file holds.
            given: what they were made from.
        """
        raise TypeError(f"{type(self).__name__} has no figures of samples")

    def answers(self, x: Tensor, names: Sequence[str]) -> dict[str, Tensor]:
        """What `activations` gives, of names that it has looked over."""
        raise TypeError(f"{type(self).__name__} does not tell what its layers answer")

    def loss_terms(self, batch: Batch, *, training: bool) -> dict[str, Tensor]:
        """Every loss and metric term of every row: (B,) each, by `loss_names` and `metric_names`."""
        if self.loss_names or self.metric_names or self.learns == "gradient":
            raise TypeError(f"{type(self).__name__} has no loss terms")
        return {}

    def statistics(self, batch: Batch) -> Statistics:
        """What the rows of a NumPy batch, by their weights, add to the counts: float64 arrays."""
        raise TypeError(f"{type(self).__name__} has no statistics")

    def fit_statistics(self, totals: Mapping[str, Any]) -> None:
        """Sets the weights from the statistics of all rows; see `models.counted`."""
        raise TypeError(f"{type(self).__name__} does not fit statistics")

    def likelihoods(self, *, samples: int) -> dict[str, Likelihood]:
        """The model's log-likelihoods by name, with `samples` latent samples a row where they matter."""
        return {}

    def reconstruct(self, x: Tensor, given: Mapping[str, Tensor] = NOTHING) -> Tensor:
        """Records (B, *spec.shape) as the model brings them back."""
        raise TypeError(f"{type(self).__name__} does not reconstruct")

    def draw_report(self, rows: Callable[[int], Batch], folder: Path) -> None:
        """Writes further pictures into the folder of a training's report.

        `rows(n)` gives at most the first n rows of the evaluated split: a batch without noise.
        """

    def prepare(self, pictures: Mapping[str, Tensor]) -> None:
        """Sets the weights `prepared`, which a training needs and does not learn, of the pictures that
        `reads` names.

        It is called once in every worker, when the variables are made and before the first step. A model
        that is loaded has them among its weights, and needs no file.

        Args:
            pictures: by name, float32 (1, H, W, channels) in [0, 1], of any size.
        """


def empty_batch(spec: DataSpec, noise: Mapping[str, NoiseSpec], *, rows: int = 1) -> Batch:
    """A batch of zeros, with which a model makes its variables."""
    return make_batch(Rows.zeros(spec.record, rows), spec.record, noise, seed=0)
