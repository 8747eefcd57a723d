"""Counted models are fitted to sums over all rows, without gradients.

The statistics of rows add up. So a pass over the data gives the same model, however the rows are cut
into parts:

    for _ in range(epochs):
        model.fit_statistics(sum_statistics(model.statistics(batch) for batch in data))

An epoch starts from the model that the last one left; models in closed form need only one.
"""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.models.contract import GenerativeModel, Statistics


class Counts(NamedTuple):
    """How often things occur that are numbered from 0 to 2^63 - 1, of which most never do."""

    keys: npt.NDArray[np.int64]
    """Those that occur, ascending: (N,)."""
    counts: npt.NDArray[np.float64]
    """How often each does: (N,)."""

    @classmethod
    def of(cls, keys: npt.NDArray[np.int64]) -> "Counts":
        """The counts of keys of any number and order."""
        found, counts = np.unique(keys, return_counts=True)
        return cls(found, counts.astype(np.float64))

    @classmethod
    def sum(cls, parts: Iterable["Counts"]) -> "Counts":
        """The counts of all parts together."""
        parts = list(parts)
        keys, place = np.unique(np.concatenate([p.keys for p in parts]), return_inverse=True)
        counts = np.bincount(place, np.concatenate([p.counts for p in parts]))
        return cls(keys, counts.astype(np.float64))


def sum_statistics(parts: Iterable[Mapping[str, Any]]) -> Statistics:
    """The statistics of rows that were counted in parts; at least one part."""
    totals: Statistics = {}
    waiting: dict[str, list[Counts]] = {}
    for part in parts:
        for name, value in part.items():
            if isinstance(value, Counts):
                _add(waiting.setdefault(name, []), value)
            else:
                totals[name] = totals[name] + value if name in totals else value
    return totals | {name: Counts.sum(some) for name, some in waiting.items()}


def _add(waiting: list[Counts], counts: Counts) -> None:
    """Adds counts to a list of few: one is summed with its neighbour when it is as large as that."""
    waiting.append(counts)
    while len(waiting) > 1 and len(waiting[-1].keys) >= len(waiting[-2].keys):
        waiting[-2:] = [Counts.sum(waiting[-2:])]


def as_arrays(statistics: Mapping[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Statistics as arrays by name, of which `from_arrays` makes them again."""
    arrays: dict[str, npt.NDArray[Any]] = {}
    for name, value in statistics.items():
        if isinstance(value, Counts):
            arrays |= {f"{name}/{field}": part for field, part in value._asdict().items()}
        else:
            arrays[name] = value
    return arrays


def from_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> Statistics:
    """The statistics of `as_arrays`."""
    found: Statistics = {name: array for name, array in arrays.items() if "/" not in name}
    for name in {name.rpartition("/")[0] for name in arrays if "/" in name}:
        found[name] = Counts(*(arrays[f"{name}/{field}"] for field in Counts._fields))
    return found


def uncounted(kind: type[GenerativeModel]) -> list[str]:
    """The methods that a class lacks to learn by counting."""
    needed = ("statistics", "fit_statistics")
    return [name for name in needed if getattr(kind, name) is getattr(GenerativeModel, name)]
