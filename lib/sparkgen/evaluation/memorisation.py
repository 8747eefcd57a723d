"""Measures whether a model's samples are copies of training rows.

A copy lies far nearer to one training row than to the next ones. So for each sample the distance to
its nearest training row is divided by the mean distance to its k nearest (the ratio that Carlini et
al., "Extracting Training Data from Diffusion Models", 2023, test for copies): near 0 for a copy,
near 1 for an image of its own, blurred ones too. What is usual is read off held-out images; one that
is also a training row says nothing of it.
"""

from typing import NamedTuple

import numpy as np

from sparkgen.evaluation.distances import Features
from sparkgen.evaluation.manifold import squared_distances

NEIGHBOURS = 50
USUAL_QUANTILE = 0.01
COPY_RATIO = 0.01  # a copy, whatever the held-out images are like
QUERY_ROWS = 250  # searched at once; more take memory for their distances and are no faster


class Memorisation(NamedTuple):
    """Measured distances of samples and of held-out images from the training set."""

    memorised: float
    """The share of samples that are copies, or whose ratio lies under that of 99 % of the held-out
    images that are no training rows."""
    nearest: float
    """Median distance of a sample to its nearest training row."""
    nearest_held_out: float
    """The same of a held-out image."""
    held_out_duplicates: int
    """Held-out images that are also training rows."""


def nearest_distances(query_QD: Features, train_ND: Features, *, neighbours: int) -> Features:
    """Distances to the nearest rows in one part of the training set, ascending: (Q, at most k)."""
    # In float32 the distance of a copy, a difference of large numbers, is lost in rounding.
    train = train_ND.astype(np.float64)
    keep = min(neighbours, len(train))
    found = []
    for start in range(0, len(query_QD), QUERY_ROWS):
        query = query_QD[start : start + QUERY_ROWS].astype(np.float64)
        squares = squared_distances(query, train)
        squares.partition(keep - 1, axis=1)
        found.append(np.sqrt(np.sort(squares[:, :keep], axis=1)))
    return np.concatenate(found)


def merge_nearest(parts: list[Features], *, neighbours: int) -> Features:
    """The nearest distances over all parts of the training set together, ascending: (Q, at most k)."""
    return np.sort(np.concatenate(parts, axis=1), axis=1)[:, :neighbours]


def memorisation(
    samples_QK: Features, held_out_RK: Features, *, copy_distance: float
) -> Memorisation:
    """The measures of memorisation, computed from the nearest distances of both sets, ascending.

    What lies nearer than `copy_distance` to a training row is that row itself.
    """
    ratio_Q = copy_ratio(samples_QK)
    copied_Q, copied_R = (near[:, 0] < copy_distance for near in (samples_QK, held_out_RK))
    others = copy_ratio(held_out_RK[~copied_R])
    usual = max(np.quantile(others, USUAL_QUANTILE) if len(others) else 0.0, COPY_RATIO)
    return Memorisation(
        memorised=float((copied_Q | (ratio_Q < usual)).mean()),
        nearest=float(np.median(samples_QK[:, 0])),
        nearest_held_out=float(np.median(held_out_RK[:, 0])),
        held_out_duplicates=int(copied_R.sum()),
    )


def copy_ratio(distances_QK: Features) -> Features:
    """The nearest distance divided by the mean of the k nearest distances: (Q,), 0 for a copy."""
    mean_Q = distances_QK.mean(axis=1)
    return np.divide(distances_QK[:, 0], mean_Q, out=np.zeros_like(mean_Q), where=mean_Q > 0)
