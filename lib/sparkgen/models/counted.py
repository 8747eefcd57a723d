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

from sparkgen.models.contract import GenerativeModel, Statistics


def sum_statistics(parts: Iterable[Mapping[str, npt.NDArray[np.float64]]]) -> Statistics:
    """The statistics of rows that were counted in parts; at least one part."""
    totals: Statistics = {}
    for part in parts:
        for name, value in part.items():
            totals[name] = totals[name] + value if name in totals else value
    return totals


def uncounted(kind: type[GenerativeModel]) -> list[str]:
    """The methods that a class lacks to learn by counting."""
    needed = ("statistics", "fit_statistics")
    return [name for name in needed if getattr(kind, name) is getattr(GenerativeModel, name)]
