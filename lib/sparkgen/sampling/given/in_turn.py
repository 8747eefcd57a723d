"""Each label that training rows have, in turn."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.config.strict import Strict
from sparkgen.errors import RequestError
from sparkgen.sampling.given import GivenSource, Wanted


class Config(Strict):
    """The source `in_turn` has no options."""


@dataclass(frozen=True)
class InTurn(GivenSource):
    """Sample i gets the label of number i modulo their number."""

    labels: tuple[int, ...]

    @property
    def identity(self) -> dict[str, Any]:
        return {}

    def values(self, ids: range) -> npt.NDArray[np.int32]:
        return default_labels(ids, self.labels)


def default_labels(
    ids: Sequence[int] | npt.NDArray[Any], labels: Sequence[int]
) -> npt.NDArray[np.int32]:
    """The label of samples that ask for none: each of `labels` in turn, int32 (N,)."""
    return np.asarray(labels, np.int32)[np.asarray(ids, np.int64) % len(labels)]


def open_source(config: Config, wanted: Wanted) -> GivenSource:
    """The source of all labels in turn.

    Raises:
        RequestError: no label is wanted.
    """
    if wanted.given.what != "label":
        raise RequestError(
            f"a source of a {wanted.given.what} for sampling.given.{wanted.name}",
            found="in_turn, which gives labels",
            mend="choose another",
        )
    return InTurn(wanted.spec.labels)
