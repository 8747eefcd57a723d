"""What models declare of themselves: what they are given, the parts they stand on, their likelihoods."""

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from sparkgen.datasets.records import DataSpec, Record
from sparkgen.noise import NoiseSpec

Tensor = Any
Batch = dict[str, Any]
Direction = Literal["lower", "higher"]
"""Which way a figure is better."""
Statistics = dict[str, Any]
"""What rows add to the counts of a model that learns by counting: float64 arrays, or the `Counts` of
`models.counted` for what is numbered and mostly never occurs."""


class Given(NamedTuple):
    """A thing that `generate` takes beside noise: one value for each sample."""

    what: Literal["label", "record", "text"]
    """`label`: int32 (B,), one that training rows have; `record`: pictures or whatever `record` says,
    as a model sees them; `text`: B strings."""
    record: Record | None = None
    required: bool = True
    needs: tuple[str, ...] = ()
    """What else has to be given with it."""
    choices: int | None = None
    """Of a label that is none of the data, such as the number of a filter: how many there are, from 0."""


def labels_of(choices: int | None, spec: DataSpec) -> Sequence[int]:
    """The labels that can be given to a model: those of the training rows, or `choices` of its own."""
    return spec.labels if choices is None else range(choices)


class Part(NamedTuple):
    """What another model must be to stand as a part of this one.

    A part learns nothing more. Its layers are called with `training=False`.
    """

    classifies: bool = False
    """Whether it must be a classifier."""
    records: bool = True
    """Whether its records must be those of the model."""
    classes: bool = False
    """Whether it must have as many classes as the model."""
    activations: bool = False
    """Whether it must have `activations`."""
    writes: bool = False
    """Whether it must make texts that follow prompts."""
    answers: bool = False
    """Whether it must find answers in texts."""


LABEL = {"label": Given("label")}
"""What is given to a model that is conditional on the label."""
NOTHING: Mapping[str, Tensor] = MappingProxyType({})


class Measured(NamedTuple):
    """What `make` may give instead of samples alone: with figures that only the making knows."""

    data: Any
    """The samples."""
    figures: Mapping[str, Any]
    """By the model's `figure_names`, (B,) each."""


EXACT = "exact"
"""The kind, and the name, of a likelihood that is neither a bound nor an estimate."""


class Protocol(NamedTuple):
    """How a likelihood was computed. Figures of different protocols are not comparable."""

    kind: str
    """`EXACT`, or `bound` (the true log-likelihood is at least the figure)."""
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
