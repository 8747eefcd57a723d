"""Counted models are fitted to sums over all rows, without gradients.

The statistics of rows add up. So a pass over the data gives the same model, however the rows are cut
into parts:

    for _ in range(epochs):
        model.fit_statistics(sum_statistics(model.statistics(batch) for batch in data))

An epoch starts from the model that the last one left; models in closed form need only one.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import numpy.typing as npt

from sparkgen.models.autoregressive._base import PixelModel
from sparkgen.models.contract import Batch

Statistics = dict[str, npt.NDArray[np.float64]]


class CountedModel(PixelModel):
    """A model without gradients: it is fitted to the sums of its statistics over all rows."""

    learns = "counting"

    def statistics(self, batch: Batch) -> Statistics:
        """What the rows of a NumPy batch, by their weights, add to the counts: float64 arrays."""
        raise TypeError(f"{type(self).__name__} has no statistics")

    def fit_statistics(self, totals: Mapping[str, npt.NDArray[np.float64]]) -> None:
        """Sets the weights from the statistics of all rows."""
        raise TypeError(f"{type(self).__name__} does not fit statistics")


def sum_statistics(parts: Iterable[Mapping[str, npt.NDArray[np.float64]]]) -> Statistics:
    """The statistics of rows that were counted in parts; at least one part."""
    totals: Statistics = {}
    for part in parts:
        for name, value in part.items():
            totals[name] = totals[name] + value if name in totals else value
    return totals
