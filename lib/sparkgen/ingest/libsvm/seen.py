"""Finds the least and the greatest label, index and value of libsvm records.

Every block of text has its own `Seen`; joined over all blocks it is the evidence by which
`sparkgen.ingest.libsvm.evidence` judges whether the configuration fits the source.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.reach import Reach


class Seen(NamedTuple):
    """The ranges of the numbers of good records in a piece of text; None for a range without numbers.

    `indices` are as written, `values` those that stand in the text. `whole` says that all values
    are whole numbers, `clipped` how many lie outside the configured range by rounding.
    """

    labels: Reach | None = None
    indices: Reach | None = None
    values: Reach | None = None
    whole: bool = True
    clipped: int = 0

    @classmethod
    def of(cls, labels: Any, indices: Any, values: Any, rule: LineRule) -> "Seen":
        """The ranges of arrays of labels, of indices as written, and of values."""
        found, values = Reach.of(values), np.asarray(values)
        clipped = 0
        if found is not None and not rule.value_min <= found.low <= found.high <= rule.value_max:
            clipped = int(((values < rule.value_min) | (values > rule.value_max)).sum())
        whole = values.dtype.kind != "f" or bool((values == np.rint(values)).all())
        return cls(Reach.of(labels), Reach.of(indices), found, whole, clipped)

    @classmethod
    def from_list(cls, parts: Sequence[Any]) -> "Seen":
        """A `Seen` from its form in JSON, which is a list."""
        labels, indices, values, whole, clipped = parts
        ranges = [ends and Reach(*ends) for ends in (labels, indices, values)]
        return cls._make([*ranges, whole, clipped])

    def joined(self, other: "Seen") -> "Seen":
        """The ranges that cover both."""
        return Seen(
            _both(self.labels, other.labels),
            _both(self.indices, other.indices),
            _both(self.values, other.values),
            self.whole and other.whole,
            self.clipped + other.clipped,
        )


def _both(one: Reach | None, other: Reach | None) -> Reach | None:
    return one.joined(other) if one and other else one or other
