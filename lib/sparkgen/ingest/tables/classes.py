"""Finds the classes of a table: which value of the label column means which label."""

from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkgen.config.dataset import NO_CLASSES
from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import Classes, as_value, find_classes
from sparkgen.ingest.tables.columns import LABELS, Columns

MOST_CLASSES = 100_000
NULL = -2  # the label of a row without one


def labels_of(column: pa.Array | None, rows: int, classes: Classes) -> npt.NDArray[np.int64]:
    """The label of each row, `NULL`, or `UNKNOWN` for a value of no class: int64 (rows,).

    Args:
        column: of the labels; None: all rows have the label 0.
        rows: how many there are.
        classes: of the table.
    """
    if column is None:
        return np.zeros(rows, np.int64)
    coded = plain_labels(column).dictionary_encode()
    labels = [classes.label(value) for value in values_of(coded.dictionary)]
    at = pc.fill_null(coded.indices, len(labels)).to_numpy(zero_copy_only=False)
    return np.array([*labels, NULL], np.int64)[at]


def classes_of(
    parts: Sequence[Columns],
    stated: tuple[str, ...] | None,
    found: Iterable[Counter[str]],
    uri: str,
) -> Classes:
    """The classes of a table.

    The labels of Hugging Face's `ClassLabel` are numbers of its classes. Other labels mean the classes as
    in every source.

    Args:
        parts: the columns of each file of the table.
        stated: the names that the dataset states; None: those of the table, or the distinct labels.
        found: the distinct labels of each file, counted; read only where the table has no class names.
        uri: of the table, for messages.

    Raises:
        RequestError: files that differ, stated names that contradict those of the table, or no labels
            or too many distinct ones.
    """
    columns = _agreed(parts, uri)
    if columns.label is None:
        return _without_labels(stated, uri)
    if stated is not None and columns.names not in (None, stated):
        _refuse_other_order(columns, stated, uri)
    if columns.names is not None:
        names = stated or columns.names
        return Classes(names, {str(label): label for label in range(len(names))})
    where = f"the labels in column {columns.label} of {uri}"
    return find_classes(_counted(columns, found, uri), stated, where=where)


def values_of(labels: pa.Array) -> list[str | None]:
    """Labels as values that are compared; None for one that is blank, null or no UTF-8."""
    if not pa.types.is_string(labels.type):
        return [None if label is None else as_value(label) for label in labels.to_pylist()]
    text = (
        label and label.decode(errors="replace") for label in labels.cast(pa.binary()).to_pylist()
    )
    return [as_value(label) or None if label and "\ufffd" not in label else None for label in text]


def plain_labels(column: pa.Array) -> pa.Array:
    """A column of labels as text or as 64-bit integers."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    text = pa.types.is_string(column.type) or pa.types.is_large_string(column.type)
    return column.cast(pa.string() if text else pa.int64(), safe=False)


def _agreed(parts: Sequence[Columns], uri: str) -> Columns:
    """The first of several files' columns, which stand for all."""
    names = {part.names for part in parts if part.names}
    forms = {("none" if p.label is None else "text" if p.is_text else "integers") for p in parts}
    if len(forms) > 1 or len(names) > 1:
        raise RequestError(
            f"labels of one kind in all files of {uri} and of the test split",
            found=" and ".join(sorted(forms)) if len(forms) > 1 else "different class names",
            mend="set source.label to a column that all of them have, or write them alike",
        )
    return next((part for part in parts if part.names), parts[0])


def _counted(columns: Columns, found: Iterable[Counter[str]], uri: str) -> Counter[str]:
    """How many rows there are of each label, in all files together."""
    counts: Counter[str] = Counter()
    for some in found:
        counts += some
        if len(counts) > MOST_CLASSES:
            raise RequestError(
                f"at most {MOST_CLASSES} classes in column {columns.label} of {uri}",
                found=f"{len(counts)} labels or more, such as {min(counts)[:40]}",
                mend="set source.label to a column of classes",
            )
    if not counts:
        raise RequestError(
            f"labels in column {columns.label} of {uri}",
            found="none",
            mend="set source.label to the column that has them",
        )
    return counts


def _without_labels(stated: tuple[str, ...] | None, uri: str) -> Classes:
    if stated is not None and len(stated) > 1:
        raise RequestError(
            f"a column of labels in {uri} for the {len(stated)} class names",
            found=f"none named {', '.join(LABELS)}",
            mend="set source.label to the column that has them",
        )
    return Classes(stated or NO_CLASSES, {})


def _refuse_other_order(columns: Columns, stated: tuple[str, ...], uri: str) -> None:
    """Refuses stated names that are those of the table in another order."""
    names = columns.names or ()
    if set(names) == set(stated):
        raise RequestError(
            f"dataset.class_names in the order of {uri}: {', '.join(names)}",
            found=", ".join(stated),
            mend="correct their order, or leave the key out",
        )
