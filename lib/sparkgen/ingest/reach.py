"""Defines how far some numbers reach."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt


class Reach(NamedTuple):
    """The least and the greatest of some numbers."""

    low: float
    high: float

    def joined(self, other: "Reach") -> "Reach":
        """The range that covers both ranges."""
        return Reach(min(self.low, other.low), max(self.high, other.high))

    @classmethod
    def of(cls, numbers: npt.ArrayLike) -> "Reach | None":
        """The range of an array; None where it is empty."""
        values = np.asarray(numbers)
        return cls(values.min().item(), values.max().item()) if values.size else None
