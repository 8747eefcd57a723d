"""Fits linear probes, which say how well classes can be told from numbers by straight lines.

A probe is a multinomial logistic regression on N points with labels, with a penalty ‖W‖² / 2C beside the
summed cross-entropy. All numbers are divided by one number, so that points keep their form: C is
chosen among the same numbers for whatever the points are.
"""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.noise import Stream, permutation

Points = npt.NDArray[np.floating[Any]]
Labels = npt.NDArray[np.integer[Any]]
Indices = npt.NDArray[np.intp]

STRENGTHS = tuple(10.0**power for power in range(-3, 4))
"""What C is chosen among."""
FOLDS = 5
ITERATIONS = 200
LEAST = 1e-12  # probability, which keeps the logarithm finite
FEW = 5000
"""Above so many labelled rows one fold in place of all of them chooses C."""


class Pair(NamedTuple):
    """Points of training rows, float32 (N, F), and of test rows, float32 (T, F)."""

    train: Points
    test: Points


def scaled(pair: Pair) -> Pair:
    """The points about the mean of the training rows, whose entries then have variance 1 on average."""
    centre = pair.train.mean(axis=0, dtype=np.float64).astype(np.float32)
    train, test = (np.asarray(points - centre, np.float32) for points in pair)
    spread = np.float32(np.sqrt(np.einsum("nf,nf->f", train, train).mean() / len(train))) or 1
    return Pair(train / spread, test / spread)


def principal(pair: Pair, size: int, *, seed: int) -> Pair:
    """The first principal components of the training rows, and the test rows on them.

    Args:
        pair: float (N, D) and (T, D).
        size: how many components; at most min(N, D) are there.
        seed: of the randomised decomposition, which is used where it is much faster.
    """
    from sklearn.decomposition import PCA

    pca = PCA(min(size, *pair.train.shape), random_state=seed)
    with one_thread():
        return Pair(pca.fit_transform(pair.train), pca.transform(pair.test))


def labelled_rows(labels: Labels, count: int, *, seed: int, draw: int) -> Indices:
    """The numbers of `count` rows that are drawn at random, as many of each class as there can be.

    Where `count` is no multiple of the number of classes, some have one row more; where a class has too
    few rows, the others have more.
    """
    order = permutation(len(labels), seed=seed, stream=Stream.EVALUATE, at=(1, draw, 0))
    return order[np.argsort(ranks(labels[order]), kind="stable")[:count]]


def ranks(labels: Labels) -> Indices:
    """For each row how many rows of its class come before it: (N,)."""
    found = np.empty(len(labels), np.intp)
    for label in np.unique(labels):
        mine = labels == label
        found[mine] = np.arange(mine.sum())
    return found


def correct(train: Points, labels: Labels, test: Points, truth: Labels) -> npt.NDArray[np.bool_]:
    """Whether a probe that is fitted on labelled rows tells the class of each test row: (T,).

    Args:
        train: the labelled rows, float32 (n, F), `scaled`.
        labels: their classes, (n,), of at least two rows each.
        test: float32 (T, F), scaled as they are.
        truth: (T,).
    """
    with one_thread():
        strength = choose_strength(train, labels)
        fitted = next(probes(train, labels, (strength,)))
        return np.asarray(fitted.predict(test) == truth)


def choose_strength(points: Points, labels: Labels) -> float:
    """The C with the least cross-entropy of rows that are held out by cross-validation."""
    fold = ranks(labels) % FOLDS
    losses = np.zeros(len(STRENGTHS))
    for number in np.unique(fold)[: None if len(labels) <= FEW else 1]:
        out = fold == number
        fits = probes(points[~out], labels[~out], STRENGTHS)
        losses += [cross_entropy(fit, points[out], labels[out]) for fit in fits]
    return STRENGTHS[int(losses.argmin())]


def cross_entropy(probe: Any, points: Points, labels: Labels) -> float:
    """The cross-entropy in nats of a fitted probe, summed over rows; a class it never met has p = 0."""
    p_NK, known = probe.predict_proba(points), probe.classes_
    column = np.searchsorted(known, labels).clip(max=len(known) - 1)
    p_N = np.where(known[column] == labels, p_NK[np.arange(len(labels)), column], 0.0)
    return -float(np.log(np.maximum(p_N, LEAST)).sum())


def probes(points: Points, labels: Labels, strengths: tuple[float, ...]) -> Iterator[Any]:
    """A fitted probe for each C, which starts from the one before it."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    probe = LogisticRegression(max_iter=ITERATIONS, warm_start=True)
    for strength in strengths:
        with warnings.catch_warnings():
            # ITERATIONS belongs to the protocol: stopped early it is as good a classifier.
            warnings.simplefilter("ignore", ConvergenceWarning)
            yield probe.set_params(C=strength).fit(points, labels)


def one_thread() -> Any:
    """A context in which matrices are multiplied by one thread, so that sums have one order."""
    from threadpoolctl import threadpool_limits

    return threadpool_limits(1)
