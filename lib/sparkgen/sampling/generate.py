"""Makes samples by id; a sample's bits do not depend on which other samples are requested.

Sample `i` is always computed as row `i % batch_rows` of batch `i // batch_rows`, because the last
bits of a matrix product can depend on the shapes of its factors. So a sample set is a function of
(model, seed, batch_rows, options, what is given) alone.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.options import check_names, check_options
from sparkgen.datasets.rows import pad, padding
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.noise import Stream, row_noise
from sparkgen.sampling.given import filled_in
from sparkgen.sampling.given.in_turn import default_labels

LARGEST_SEED = 2**63 - 1  # the seed is a long in the files and in the sampler's signature

Array = npt.NDArray[Any]


class Recipe(NamedTuple):
    """The settings that samples depend on, besides the model and its inputs."""

    seed: int
    batch_rows: int
    options: Mapping[str, Any]
    """Of the model's `generate`."""


def generate_batch(
    model: GenerativeModel, batch: int, given: Mapping[str, Array], recipe: Recipe
) -> Array:
    """One whole batch of samples.

    Args:
        batch: its number.
        given: by the names of `model.given`: labels int32, records as they are stored, texts; up to
            (batch_rows, ...), where fewer are given for the last samples of all.

    Returns:
        Records as they are stored: (batch_rows, *shape).
    """
    import keras

    first = batch * recipe.batch_rows
    ids = range(first, first + recipe.batch_rows)
    noise = row_noise(model.noise, ids, seed=recipe.seed, stream=Stream.SAMPLE)
    tensors = {
        name: _as_seen(model.given[name], values, recipe.batch_rows)
        for name, values in given.items()
    }
    made = model.generate(keras.ops.convert_to_tensor(noise), tensors, **recipe.options)
    values = np.asarray(keras.ops.convert_to_numpy(made))
    if not np.isfinite(values).all():
        raise SparkgenError(
            f"the model gives values that are no numbers for samples {ids.start} to {ids.stop - 1}: "
            "its training has diverged"
        )
    return model.spec.record.to_stored(values)


def _as_seen(given: Given, values: Array, batch_rows: int) -> Any:
    """The inputs of a batch, padded and in the form of the model: texts as strings, others as tensors."""
    import keras

    padded = pad(values, batch_rows)
    if given.what == "text":
        return padded.tolist()
    return keras.ops.convert_to_tensor(
        padded if given.record is None else given.record.to_model(padded)
    )


def generate_rows(
    model: GenerativeModel, ids: Sequence[int], given: Mapping[str, Array], recipe: Recipe
) -> Array:
    """The samples of some ids, in their order; ids can have gaps, and an id can occur more than once.

    Args:
        ids: the N ids, 0 or more each.
        given: by the names of `model.given`, N values each: labels, or records as they are stored.
            Labels that are needed and not given are each that training saw in turn.

    Returns:
        Records as they are stored: (N, *shape).

    Raises:
        RequestError: a negative id, a label that training did not see, something that the model
            does not take or that is missing, or an option that the model's `generate` has not or
            that is out of its range.
    """
    seen = model.spec.labels
    given = {name: default_labels(ids, seen) for name in filled_in(model.given)} | dict(given)
    _check(model, ids, given, recipe)
    made = np.empty((len(ids), *model.spec.shape), model.spec.record.dtype)
    for batch, positions in _passes(ids, recipe.batch_rows):
        first = batch * recipe.batch_rows
        rows = [ids[p] - first for p in positions]
        everyone = {name: padding(values, recipe.batch_rows) for name, values in given.items()}
        company = range(first, first + recipe.batch_rows)
        for name, values in given.items():
            if model.given[name].what == "label":
                everyone[name] = default_labels(company, seen)
            everyone[name][rows] = values[positions]
        made[positions] = generate_batch(model, batch, everyone, recipe)[rows]
    return made


def _passes(ids: Sequence[int], batch_rows: int) -> list[tuple[int, list[int]]]:
    # An id that comes again, perhaps with another label, is computed in a further pass.
    seen: Counter[int] = Counter()
    passes: defaultdict[tuple[int, int], list[int]] = defaultdict(list)
    for position, row_id in enumerate(ids):
        passes[row_id // batch_rows, seen[row_id]].append(position)
        seen[row_id] += 1
    return [(batch, positions) for (batch, _), positions in passes.items()]


def _check(
    model: GenerativeModel, ids: Sequence[int], given: Mapping[str, Array], recipe: Recipe
) -> None:
    if any(row_id < 0 for row_id in ids):
        raise RequestError("ids from 0", found=str(min(ids)), mend="number the samples from 0")
    if not 0 <= recipe.seed <= LARGEST_SEED:
        raise RequestError(
            f"a seed from 0 to {LARGEST_SEED}", found=str(recipe.seed), mend="correct it"
        )
    if recipe.batch_rows < 1:
        raise RequestError("batch_rows from 1", found=str(recipe.batch_rows), mend="correct it")
    check_names(set(given), model.given, model=model.name)
    for name, values in given.items():
        if model.given[name].what == "label":
            _check_labels(name, values, model.spec.labels)
    check_options(recipe.options, model.generate_options, model.generate_ranges, model=model.name)


def _check_labels(name: str, labels: Array, seen: Sequence[int]) -> None:
    wrong = labels[~np.isin(labels, seen)].tolist()
    if wrong:
        raise RequestError(
            f"labels among {', '.join(map(str, seen))}, those of the training rows, as {name}",
            found=str(wrong[0]),
            mend="correct it",
        )
