"""The source `in_turn` gives the samples the labels that there are, one after the other."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.sampling.given._source import GivenSource, SourceConfig, Wanted


class Config(SourceConfig):
    """It gives each label that training rows have, in turn, or each number of the model's own, such as
    those of filters. It has no options.
    """

    def check(self, wanted: Wanted) -> None:
        if wanted.what != "label":
            raise wanted.refuse("in_turn, which gives labels")

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        return InTurn(tuple(wanted.labels))


@dataclass(frozen=True)
class InTurn(GivenSource):
    """The labels of the source: sample i gets the label at position i modulo the number of labels."""

    labels: tuple[int, ...]

    @property
    def identity(self) -> dict[str, Any]:
        return {}

    def values(self, ids: range) -> npt.NDArray[np.int32]:
        return default_labels(ids, self.labels)


def default_labels(
    ids: Sequence[int] | npt.NDArray[Any], labels: Sequence[int]
) -> npt.NDArray[np.int32]:
    """The labels of samples for which none is requested: each of `labels` in turn, int32 (N,)."""
    return np.asarray(labels, np.int32)[np.asarray(ids, np.int64) % len(labels)]
