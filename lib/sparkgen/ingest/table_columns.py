"""Finds which columns of a table hold the pictures and the labels, and what the labels mean."""

import json
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sparkgen.errors import RequestError

LABELS = ("label", "labels", "class", "class_name", "target", "fine_label")
"""Names by which a column of labels is known, the first that is there before the others."""
MOST_CLASSES = 10_000
HUGGING_FACE = (
    b"huggingface"  # the key of the schema's metadata where `datasets` writes its features
)
NULL = -2  # the label of a row without one
UNKNOWN = -1  # the label of a value that no class has


class Columns(NamedTuple):
    """The columns of a table that are read.

    `has_path`: the image is a struct of bytes and of the path that holds where bytes are null.
    `names` are the class names that the table itself gives to the labels 0, 1, ...; None: none.
    """

    image: str
    is_struct: bool
    has_path: bool
    label: str | None
    is_text: bool
    names: tuple[str, ...] | None

    @property
    def read(self) -> list[str]:
        """The names of the columns."""
        return [self.image, *([self.label] if self.label else [])]


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


def find_columns(schema: pa.Schema, *, image: str | None, label: str | None, uri: str) -> Columns:
    """The columns by their names where these are given, else those that are plainly meant.

    Args:
        schema: of the table.
        image: name of the column of pictures; None: the only one that can be.
        label: name of the column of labels; None: one of a usual name, if there is one.
        uri: of the table, for messages.

    Raises:
        RequestError: a column that is not there, of no such type, or not to be told from others.
    """
    features = _features(schema)
    image = _named(schema, image, "image", uri) if image else _only_image(schema, uri)
    kind = schema.field(image).type
    if not _is_picture(kind):
        raise RequestError(
            f"encoded pictures in column {image} of {uri}: bytes, or a struct of bytes and path",
            found=str(kind),
            mend="set source.image to the column that holds them",
        )
    children = {field.name for field in kind} if pa.types.is_struct(kind) else set()
    if label:
        label = _named(schema, label, "label", uri)
    else:
        classified = [name for name, feature in features.items() if feature.get("names")]
        usual = [name for name in LABELS if name in schema.names and name != image]
        label = next(iter([*usual, *(classified if len(classified) == 1 else [])]), None)
    names = features.get(label, {}).get("names") if label else None
    is_text = label is not None and _is_text(schema, label, uri)
    return Columns(
        image, bool(children), "path" in children, label, is_text, None if is_text else names
    )


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
    return tuple(sorted(distinct))


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


def _features(schema: pa.Schema) -> dict[str, dict[str, Any]]:
    """What Hugging Face's `datasets` says of the columns: `names`, as a tuple, where there are some."""
    try:
        written = json.loads((schema.metadata or {})[HUGGING_FACE])["info"]["features"]
        return {
            name: {"names": tuple(map(str, feature["names"]))}
            if feature.get("_type") == "ClassLabel" and feature.get("names")
            else {}
            for name, feature in written.items()
            if name in schema.names
        }
    except (KeyError, TypeError, ValueError, AttributeError):
        return {}  # a table of another kind


def _named(schema: pa.Schema, name: str, key: str, uri: str) -> str:
    if schema.names.count(name) != 1:
        raise RequestError(
            f"one column {name}, source.{key}, in {uri}",
            found=_listed(schema.names),
            mend="correct its name",
        )
    return name


def _only_image(schema: pa.Schema, uri: str) -> str:
    found = [field.name for field in schema if _is_picture(field.type)]
    if len(found) != 1:
        raise RequestError(
            f"one column of encoded pictures in {uri}: of bytes, or a struct of bytes and path",
            found=_listed(found) if found else f"none among {_listed(schema.names)}",
            mend="set source.image to the column's name",
        )
    return found[0]


def _is_picture(kind: pa.DataType) -> bool:
    if pa.types.is_struct(kind):
        return any(field.name == "bytes" and _is_bytes(field.type) for field in kind)
    return _is_bytes(kind)


def _is_bytes(kind: pa.DataType) -> bool:
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind)


def _is_text(schema: pa.Schema, label: str, uri: str) -> bool:
    kind = schema.field(label).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_integer(kind):
        return False
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return True
    raise RequestError(
        f"labels in column {label} of {uri}: integers or text",
        found=str(kind),
        mend="set source.label to the column that has them, or write it as one of these",
    )


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
