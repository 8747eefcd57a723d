"""Makes samples by id; a sample's bits do not depend on which other samples are requested.

Sample `i` is always computed as row `i % batch_rows` of batch `i // batch_rows`, because the last
bits of a matrix product can depend on the shapes of its factors. So a sample set is a function of
(model, seed, batch_rows, options, what is given) alone. Pictures of any size are made one by one.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import MOST_BATCH_ROWS
from sparkgen.config.options import check_names, check_options
from sparkgen.datasets.images import as_objects
from sparkgen.datasets.rows import pad, padding
from sparkgen.datasets.texts import as_texts
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.models.contract import GenerativeModel, Given, Measured
from sparkgen.models.declared import labels_of
from sparkgen.noise import Stream, row_noise
from sparkgen.sampling.columns import Made
from sparkgen.sampling.given import filled_in
from sparkgen.sampling.given.in_turn import default_labels

LARGEST_SEED = 2**63 - 1  # the seed is a long in the files and in the sampler's signature
LARGEST_ID = 2**62  # the ids of its whole batch are still longs

Array = npt.NDArray[Any]


class Recipe(NamedTuple):
    """The settings that samples depend on, besides the model and its inputs."""

    seed: int
    batch_rows: int
    options: Mapping[str, Any]
    """Of the model's `generate`."""


def one_by_one(model: GenerativeModel) -> bool:
    """Whether samples have sizes of their own, so that two of them are no batch."""
    records = (model.makes, *(one.record for one in model.given.values()))
    return any(record is not None and record.alone for record in records)


def generate_batch(
    model: GenerativeModel, batch: int, given: Mapping[str, Array], recipe: Recipe
) -> Made:
    """One whole batch of samples of one size.

    Args:
        batch: its number.
        given: by the names of `model.given`: labels int32, records as they are stored, texts; up to
            (batch_rows, ...), where fewer are given for the last samples of all.

    Returns:
        `batch_rows` samples.
    """
    first = batch * recipe.batch_rows
    ids = range(first, first + recipe.batch_rows)
    return _generate(model, ids, given, recipe)


def generate_singly(
    model: GenerativeModel, ids: Sequence[int], given: Mapping[str, Array], recipe: Recipe
) -> Made:
    """Samples that have sizes of their own, each made by itself.

    Args:
        ids: the N ids.
        given: by the names of `model.given`, N values each, as for `generate_batch`.
    """
    made = [
        _generate(
            model,
            range(row_id, row_id + 1),
            {name: _alone(model.given[name], values[n]) for name, values in given.items()},
            recipe,
        )
        for n, row_id in enumerate(ids)
    ]
    figures = {
        name: np.array([one.figures[name][0] for one in made], np.float64)
        for name in model.figure_names
    }
    if model.makes.fixed:
        empty = np.empty((0, *model.makes.shape), model.makes.dtype)
        return Made(np.concatenate([empty, *(one.data for one in made)]), figures)
    return Made(as_objects([one.data[0] for one in made]), figures)


def _generate(
    model: GenerativeModel, ids: range, given: Mapping[str, Array], recipe: Recipe
) -> Made:
    import keras

    noise = row_noise(model.noise, ids, seed=recipe.seed, stream=Stream.SAMPLE)
    tensors = {
        name: _as_seen(model.given[name], values, len(ids)) for name, values in given.items()
    }
    made = model.generate(keras.ops.convert_to_tensor(noise), tensors, **recipe.options)
    data, figures = made if isinstance(made, Measured) else (made, None)
    stored = model.makes.to_stored(_as_array(data, ids))
    if not model.figure_names:
        return Made(stored, {})
    if figures is None:
        seen = keras.ops.convert_to_tensor(model.makes.to_model(stored))
        figures = model.figures_of(seen, tensors)
    return Made(
        stored,
        {
            name: np.asarray(keras.ops.convert_to_numpy(figures[name]), np.float64)
            for name in model.figure_names
        },
    )


def _as_array(data: Any, ids: range) -> Array:
    """What a model gave for some samples: numbers, or a list of texts.

    Raises:
        SparkgenError: there are values that are no numbers.
    """
    import keras

    if isinstance(data, list):
        return as_texts(data)
    values = np.asarray(keras.ops.convert_to_numpy(data))
    if not np.isfinite(values).all():
        raise SparkgenError(
            f"the model gives values that are no numbers for samples {ids.start} to {ids.stop - 1}: "
            "its training has diverged"
        )
    return values


def _as_seen(given: Given, values: Array, rows: int) -> Any:
    """The inputs of some samples, padded and in the form of the model: texts as strings, others as
    tensors.
    """
    import keras

    padded = pad(values, rows)
    if given.what == "text":
        return padded.tolist()
    return keras.ops.convert_to_tensor(
        padded if given.record is None else given.record.to_model(padded)
    )


def _alone(given: Given, value: Any) -> Array:
    """One input as a batch of its own."""
    return np.array([value], object) if given.what == "text" else np.asarray(value)[None]


def generate_rows(
    model: GenerativeModel, ids: Sequence[int], given: Mapping[str, Array], recipe: Recipe
) -> Made:
    """The samples of some ids, in their order; ids can have gaps, and an id can occur more than once.

    Args:
        ids: the N ids, 0 or more each.
        given: by the names of `model.given`, N values each: labels, integers, or records as they are
            stored.
            Labels that are needed and not given are each that training saw in turn.

    Returns:
        N samples.

    Raises:
        RequestError: an id, a seed or batch rows out of their range, a label that training did not see,
            something that the model does not take or that is missing, or an option that the model's
            `generate` has not or that is out of its range.
    """
    labels = {
        name: labels_of(one.choices, model.spec)
        for name, one in model.given.items()
        if one.what == "label"
    }
    given = {name: default_labels(ids, labels[name]) for name in filled_in(model.given)} | dict(
        given
    )
    _check(model, ids, given, recipe)
    given |= {name: given[name].astype(np.int32) for name in labels if name in given}
    if one_by_one(model):
        return generate_singly(model, ids, given, recipe)
    made = Made(
        np.empty((len(ids), *model.makes.shape), model.makes.dtype),
        {name: np.empty(len(ids), np.float64) for name in model.figure_names},
    )
    for batch, positions in _passes(ids, recipe.batch_rows):
        first = batch * recipe.batch_rows
        rows = [ids[p] - first for p in positions]
        everyone = {name: padding(values, recipe.batch_rows) for name, values in given.items()}
        company = range(first, first + recipe.batch_rows)
        for name, values in given.items():
            if name in labels:
                everyone[name] = default_labels(company, labels[name])
            everyone[name][rows] = values[positions]
        some = generate_batch(model, batch, everyone, recipe).take(rows)
        made.data[positions] = some.data
        for name, figures in some.figures.items():
            made.figures[name][positions] = figures
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
    wrong = [row_id for row_id in ids if not 0 <= row_id <= LARGEST_ID]
    if wrong:
        raise RequestError(
            f"ids from 0 to {LARGEST_ID}", found=str(wrong[0]), mend="number the samples from 0"
        )
    if not 0 <= recipe.seed <= LARGEST_SEED:
        raise RequestError(
            f"a seed from 0 to {LARGEST_SEED}", found=str(recipe.seed), mend="correct it"
        )
    if not 1 <= recipe.batch_rows <= MOST_BATCH_ROWS:
        raise RequestError(
            f"batch_rows from 1 to {MOST_BATCH_ROWS}",
            found=str(recipe.batch_rows),
            mend="correct it",
        )
    check_names(set(given), model.given, model=model.name)
    for name, values in given.items():
        if model.given[name].what == "label":
            _check_labels(name, values, model)
    check_options(recipe.options, model.generate_options, model.generate_ranges, model=model.name)


def _check_labels(name: str, labels: Array, model: GenerativeModel) -> None:
    choices, seen = model.given[name].choices, model.spec.labels
    wrong = labels[~np.isin(labels, labels_of(choices, model.spec))].tolist()
    if wrong:
        among = f"labels among {', '.join(map(str, seen))}, those of the training rows,"
        raise RequestError(
            f"{among if choices is None else f'numbers from 0 to {choices - 1}'} as {name}",
            found=str(wrong[0]),
            mend="correct it",
        )
