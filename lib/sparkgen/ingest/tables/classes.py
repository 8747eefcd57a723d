"""Finds the classes of a table: which value of the label column means which label."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkgen.errors import RequestError
from sparkgen.ingest.tables.columns import LABELS, Columns, listed
from sparkgen.ingest.trees.class_folders import sorted_classes

MOST_CLASSES = 100_000
NULL = -2  # the label of a row without one
UNKNOWN = -1  # the label of a value that no class has


class Classes(NamedTuple):
    """The classes: the values of the label column that mean the labels 0, 1, ..., and their names."""

    values: tuple[str, ...] | tuple[int, ...]
    names: tuple[str, ...]

    def labels_of(self, column: pa.Array | None, rows: int) -> npt.NDArray[np.int64]:
        """The label of each row, `NULL` or `UNKNOWN`: int64 (rows,).

        Args:
            column: of the labels; None: all rows have the label 0.
            rows: how many there are.
        """
        if column is None:
            return np.zeros(rows, np.int64)
        column = plain_labels(column)
        known = pc.index_in(column, value_set=pa.array(self.values, column.type))
        labels = pc.fill_null(known, UNKNOWN).to_numpy(zero_copy_only=False).astype(np.int64)
        if column.null_count:
            labels[pc.is_null(column).to_numpy(zero_copy_only=False)] = NULL
        return labels


def classes_of(
    parts: Sequence[Columns], stated: tuple[str, ...] | None, found: Iterable[pa.Array], uri: str
) -> Classes:
    """The classes of a table.

    Args:
        parts: the columns of each file of the table.
        stated: the names that the dataset states; None: those of the table, or the distinct labels.
        found: the distinct labels of each file; read only where neither says the classes.
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
    names = stated or columns.names
    if names is not None:
        return Classes(names if columns.is_text else tuple(range(len(names))), names)
    values = _distinct(columns, found, uri)
    if not columns.is_text and values[0] == 0:
        values = tuple(range(values[-1] + 1))  # labels keep their numbers
    return Classes(values, tuple(map(str, values)))


def shown_labels(found: Iterable[pa.Array], columns: Columns) -> str:
    """The distinct labels of a table's files, as many as a message can show."""
    distinct = {label for some in found for label in _read(some.drop_null(), columns)}
    return listed([str(label) for label in sorted(distinct)])


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


def _distinct(columns: Columns, found: Iterable[pa.Array], uri: str) -> tuple[Any, ...]:
    distinct: set[Any] = set()
    for some in found:
        distinct |= set(_read(some.drop_null(), columns))
        high = max(distinct, default=0)
        if len(distinct) > MOST_CLASSES or (not columns.is_text and high >= MOST_CLASSES):
            raise RequestError(
                f"at most {MOST_CLASSES} classes in column {columns.label} of {uri}",
                found=f"{len(distinct)} labels or more, such as {high}",
                mend="set source.label to a column of classes, or dataset.class_names",
            )
    if not distinct:
        raise RequestError(
            f"labels in column {columns.label} of {uri}",
            found="none",
            mend="set source.label to the column that has them",
        )
    return tuple(sorted_classes(distinct) if columns.is_text else sorted(distinct))


def _read(labels: pa.Array, columns: Columns) -> list[Any]:
    """Labels as objects of Python; those that are no UTF-8 are left out, and no class has them."""
    if not columns.is_text:
        return list(labels.to_pylist())
    text = [label.decode(errors="replace") for label in labels.cast(pa.binary()).to_pylist()]
    return [label for label in text if "\ufffd" not in label]


def _without_labels(stated: tuple[str, ...] | None, uri: str) -> Classes:
    if stated is not None and len(stated) > 1:
        raise RequestError(
            f"a column of labels in {uri} for the {len(stated)} class names",
            found=f"none named {', '.join(LABELS)}",
            mend="set source.label to the column that has them",
        )
    return Classes((0,), stated or ("all",))


def _refuse_other_order(columns: Columns, stated: tuple[str, ...], uri: str) -> None:
    """Refuses stated names that are those of the table in another order."""
    names = columns.names or ()
    if set(names) == set(stated):
        raise RequestError(
            f"dataset.class_names in the order of {uri}: {', '.join(names)}",
            found=", ".join(stated),
            mend="correct their order, or leave the key out",
        )
