"""Computes precision (do samples look real?) and recall (do samples cover the real data?)."""

from typing import NamedTuple

import numpy as np

from sparkgen.evaluation.distances import Features


class PrecisionRecall(NamedTuple):
    """Precision and recall of a set of samples, each in [0, 1]."""

    precision: float
    recall: float


def precision_recall(
    real_NF: Features, sampled_MF: Features, *, neighbours: int = 3
) -> PrecisionRecall:
    """Improved precision and recall of samples, after Kynkäänniemi et al., 2019.

    A set's manifold is the union of balls around its points, each reaching to the point's k-th
    neighbour. Precision is the share of samples in the real manifold, recall the share of real rows
    in the samples' manifold.

    Args:
        real_NF: float (N, F).
        sampled_MF: float (M, F).
        neighbours: k.
    """
    real, sampled = real_NF.astype(np.float64), sampled_MF.astype(np.float64)
    cross_NM = squared_distances(real, sampled)
    real_radius_N = _radius(real, neighbours)
    sampled_radius_M = _radius(sampled, neighbours)
    return PrecisionRecall(
        precision=float((cross_NM <= real_radius_N[:, None]).any(axis=0).mean()),
        recall=float((cross_NM <= sampled_radius_M[None, :]).any(axis=1).mean()),
    )


def squared_distances(x_NF: Features, y_MF: Features) -> Features:
    """Squared Euclidean distances (N, M) between the rows of two arrays, at least 0."""
    # |x|² + |y|² - 2 x·y in the memory of the products alone.
    squares = x_NF @ y_MF.T
    squares *= -2.0
    squares += np.einsum("nf,nf->n", x_NF, x_NF)[:, None]
    squares += np.einsum("mf,mf->m", y_MF, y_MF)[None, :]
    return np.maximum(squares, 0.0, out=squares)


def _radius(x_NF: Features, neighbours: int) -> Features:
    """The squared distance of each point to its k-th nearest other point: (N,)."""
    if len(x_NF) <= neighbours:
        raise ValueError(f"a set of {len(x_NF)} rows has no {neighbours} neighbours of each")
    squares = squared_distances(x_NF, x_NF)
    return np.partition(squares, neighbours, axis=1)[:, neighbours]
