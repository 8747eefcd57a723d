"""Answers a request to the registered sampler: checks its columns, and lays out what the model makes.

The answer has columns that every client of MLflow reads: numbers, texts, and arrays of integers. MLflow's
Spark function knows no bytes, and JSON has none. So a picture is the text of a PNG file in base64, which
is shorter than its pixels as numbers, a file again after one `unbase64`, and what the `src` of a web
page's image takes. The parameter `format` asks for the pixels themselves.
"""

import base64
import re
from collections.abc import Mapping
from decimal import Decimal
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparkgen.config.nearest import choose
from sparkgen.datasets.images import as_objects, to_png
from sparkgen.datasets.records import Record
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel, Given
from sparkgen.models.declared import labels_of
from sparkgen.sampling.columns import FIGURE
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.sampling.given import filled_in
from sparkgen.sampling.given.in_turn import default_labels
from sparkgen.tracking.signature import FORMATS

if TYPE_CHECKING:
    import pandas as pd

MOST_OF_AN_OPTION = 100_000
"""The most that a request may ask of an option that counts, such as `steps`, and has no range."""
LONG = 2**63
WHOLE = re.compile("-?[0-9]{1,19}")
EXACT = 2**53
"""From here on a float does not tell two integers apart."""

Array = npt.NDArray[Any]


def answer(
    model: GenerativeModel, frame: "pd.DataFrame", params: Mapping[str, Any]
) -> "pd.DataFrame":
    """The samples that a request asks for, in the columns that the sampler's signature names.

    Args:
        model: the model.
        frame: the request's rows, with a column `id`, and one for each thing that is given to the model.
        params: `seed`, `batch_rows`, `format`, and options of the model's `generate`.

    Raises:
        RequestError: a value that is missing, of another type, or out of its range.
    """
    import pandas as pd

    options = dict(params)
    form = str(options.pop("format", FORMATS[0]))
    if form not in FORMATS:
        raise RequestError(
            f"a format among {', '.join(FORMATS)}", found=form, mend=choose(form, FORMATS)
        )
    recipe = Recipe(
        _integer(options.pop("seed", 0), "seed"),
        _integer(options.pop("batch_rows", 100), "batch_rows"),
        options,
    )
    _check_counts(model, options)
    ids = _integers(frame["id"], "id")
    given = {
        name: _values(one, name, frame[name]) for name, one in model.given.items() if name in frame
    }
    made = generate_rows(model, ids, given, recipe)
    return pd.DataFrame(
        {
            "id": np.array(ids, np.int64),
            **_labels(model, ids, given),
            **_records(model.makes, made.data, form),
            **{FIGURE + name: values for name, values in made.figures.items()},
        }
    )


def _check_counts(model: GenerativeModel, options: Mapping[str, Any]) -> None:
    """Refuses numbers of steps and the like that a request would never get an answer to."""
    for name, value in options.items():
        if type(value) is not int or name not in model.generate_options:
            continue
        stated = model.generate_ranges.get(name)
        most = max(MOST_OF_AN_OPTION, model.generate_options[name] or 0)
        if (stated is None or stated.most is None) and value > most:
            raise RequestError(f"{name} up to {most}", found=str(value), mend="correct it")


def _labels(model: GenerativeModel, ids: list[int], given: Mapping[str, Array]) -> dict[str, Any]:
    """The labels that the samples were made with, by the names of what is given; None: with none."""
    columns: dict[str, Any] = {}
    for name, one in model.given.items():
        if one.what == "label":
            columns[name] = [None] * len(ids)
            if name in given:
                columns[name] = np.asarray(given[name], np.int64)
            elif name in filled_in(model.given):
                labels = default_labels(ids, labels_of(one.choices, model.spec))
                columns[name] = labels.astype(np.int64)
    return columns


def _records(record: Record, data: Array, form: str) -> dict[str, Any]:
    """The samples as a column, and beside it the shape of each where it is an array."""
    if record.kind == "text":
        return {record.kind: list(data)}
    shapes = as_objects([np.array(one.shape, np.int32) for one in data])
    if record.pictures and form == "png":
        files = [base64.b64encode(to_png(picture)).decode("ascii") for picture in data]
        return {"shape": shapes, record.kind: files}
    return {"shape": shapes, record.kind: as_objects([np.ravel(one) for one in data])}


def _values(given: Given, name: str, column: "pd.Series[Any]") -> Any:
    """A column as labels, texts or stored records.

    Raises:
        RequestError: a cell without a value, or a value of another type or size.
    """
    if given.what == "label":
        return np.array(_integers(column, name), np.int64)
    _check_present(column, name)
    if given.what == "text":
        return np.array([str(text) for text in column], object)
    if given.record is None:
        raise ValueError(f"{name} is neither a label nor a text, and has no record")
    cells = [_bytes(cell, name) for cell in column]
    if given.record.alone:
        return as_objects([_picture(cell, given.record, name) for cell in cells])
    wrong = [len(cell) for cell in cells if len(cell) != given.record.row_bytes]
    if wrong:
        raise RequestError(
            f"{given.record.row_bytes} bytes in every cell of the column {name}, for {given.record}",
            found=str(wrong[0]),
            mend="give records as they stand in a dataset version",
        )
    return given.record.decode(cells)


def _check_present(column: "pd.Series[Any]", name: str) -> None:
    missing = np.flatnonzero(column.isna())
    if missing.size:
        raise RequestError(
            f"a value in every cell of the column {name}",
            found=f"none in row {missing[0]}, from 0",
            mend="give it, or leave the column out where the model does without",
        )


def _integers(column: "pd.Series[Any]", name: str) -> list[int]:
    """The integers of a column.

    Raises:
        RequestError: a cell that has none.
    """
    _check_present(column, name)
    return [_integer(value, name) for value in column.tolist()]


def _integer(value: Any, name: str) -> int:
    """A number that is whole, whatever its type: clients write 3, 3.0 and "3" for the same.

    Rows of Spark and pandas have integers of NumPy and decimals too.

    Raises:
        RequestError: it is no such number, or one that 64 bits do not hold.
    """
    match value:
        case bool():
            whole = False
        case Integral():
            whole = True
        case Decimal():
            whole = value.is_finite() and abs(value) <= LONG and value == int(value)
        case Real():
            whole = abs(float(value)) < EXACT and float(value).is_integer()
        case str():
            whole = WHOLE.fullmatch(value) is not None
        case _:
            whole = False
    if whole and -LONG <= int(value) < LONG:
        return int(value)
    raise RequestError(f"integers as {name}", found=repr(value)[:40], mend="correct it")


def _bytes(cell: Any, name: str) -> bytes:
    if not isinstance(cell, bytes | bytearray | memoryview):
        raise RequestError(
            f"bytes in every cell of the column {name}", found=repr(cell)[:40], mend="correct it"
        )
    return bytes(cell)


def _picture(cell: bytes, record: Record, name: str) -> Any:
    from sparkgen.ingest.images.decode import BadImage, ImageRule, whole_image

    try:
        return whole_image(cell, ImageRule(shape=(0, 0, *record.shape)))
    except BadImage as error:
        raise RequestError(
            f"an image file in every cell of the column {name}",
            found=error.reason,
            mend="give the bytes of a PNG, JPEG or other image file",
        ) from None
