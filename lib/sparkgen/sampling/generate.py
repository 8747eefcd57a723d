"""Samples by id, the same bits wherever and in whatever company they are asked for.

Sample `i` is always computed as row `i % batch_rows` of batch `i // batch_rows`, because the last
bits of a matrix product can depend on the shapes of its factors. So a sample set is a function of
(model, seed, batch_rows, options, labels) alone.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.options import check_options
from sparkgen.datasets.pixels import to_uint8
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.models.contract import GenerativeModel
from sparkgen.noise import Stream, row_noise

LARGEST_SEED = 2**63 - 1  # the seed is a long in the files and in the sampler's signature

Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int32]


class Recipe(NamedTuple):
    """What samples depend on beside the model and their labels."""

    seed: int
    batch_rows: int
    options: Mapping[str, Any]
    """Of the model's `generate`."""


def default_labels(ids: Sequence[int] | npt.NDArray[Any], labels: Sequence[int]) -> Labels:
    """The label of samples that ask for none: each of `labels` in turn, int32 (N,)."""
    return np.asarray(labels, np.int32)[np.asarray(ids, np.int64) % len(labels)]


def generate_batch(model: GenerativeModel, batch: int, labels: Labels, recipe: Recipe) -> Pixels:
    """One whole batch of samples.

    Args:
        batch: its number.
        labels: int32 (batch_rows,); a model that is not conditional does not look at them.

    Returns:
        uint8 (batch_rows, H, W, C).
    """
    import keras

    first = batch * recipe.batch_rows
    ids = range(first, first + recipe.batch_rows)
    noise = row_noise(model.noise, ids, seed=recipe.seed, stream=Stream.SAMPLE)
    given = keras.ops.convert_to_tensor(labels) if model.conditional else None
    images = model.generate(keras.ops.convert_to_tensor(noise), labels=given, **recipe.options)
    values = np.asarray(keras.ops.convert_to_numpy(images))
    if not np.isfinite(values).all():
        raise SparkgenError(
            f"the model gives values that are no numbers for samples {ids.start} to {ids.stop - 1}: "
            "its training has diverged"
        )
    return to_uint8(values)


def generate_rows(
    model: GenerativeModel,
    ids: Sequence[int],
    labels: Sequence[int] | None,
    recipe: Recipe,
) -> Pixels:
    """Samples in the order of their ids, which may have gaps and come more than once.

    Args:
        ids: the N ids, 0 or more each.
        labels: N labels, for a conditional model; None: each that training saw in turn.

    Returns:
        uint8 (N, H, W, C).

    Raises:
        RequestError: a negative id, a label that training did not see or that the model does not
            look at, or an option that the model's `generate` has not or that is out of its range.
    """
    seen = model.spec.labels
    wanted = default_labels(ids, seen) if labels is None else np.asarray(labels)
    _check(model, ids, None if labels is None else wanted, recipe)
    images = np.empty((len(ids), *model.spec.shape), np.uint8)
    for batch, positions in _passes(ids, recipe.batch_rows):
        first = batch * recipe.batch_rows
        rows = [ids[p] - first for p in positions]
        everyone = np.arange(first, first + recipe.batch_rows)
        batch_labels = default_labels(everyone, seen)
        batch_labels[rows] = wanted[positions]
        images[positions] = generate_batch(model, batch, batch_labels, recipe)[rows]
    return images


def _passes(ids: Sequence[int], batch_rows: int) -> list[tuple[int, list[int]]]:
    # An id that comes again, perhaps with another label, is computed in a further pass.
    seen: Counter[int] = Counter()
    passes: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for position, row_id in enumerate(ids):
        passes[row_id // batch_rows, seen[row_id]].append(position)
        seen[row_id] += 1
    return [(batch, positions) for (batch, _), positions in passes.items()]


def _check(
    model: GenerativeModel, ids: Sequence[int], labels: npt.NDArray[Any] | None, recipe: Recipe
) -> None:
    if any(row_id < 0 for row_id in ids):
        raise RequestError("ids from 0", found=str(min(ids)), mend="number the samples from 0")
    if not 0 <= recipe.seed <= LARGEST_SEED:
        raise RequestError(
            f"a seed from 0 to {LARGEST_SEED}", found=str(recipe.seed), mend="correct it"
        )
    if recipe.batch_rows < 1:
        raise RequestError("batch_rows from 1", found=str(recipe.batch_rows), mend="correct it")
    if labels is not None and not model.conditional:
        raise RequestError(
            "no labels for a model that is not conditional",
            found=f"{len(labels)} labels",
            mend="leave them out",
        )
    seen = model.spec.labels
    wrong = [] if labels is None else labels[~np.isin(labels, seen)].tolist()
    if wrong:
        raise RequestError(
            f"labels among {', '.join(map(str, seen))}, those of the training rows",
            found=str(wrong[0]),
            mend="correct it",
        )
    check_options(recipe.options, model.generate_options, model.generate_ranges, model=model.name)
