"""Finds which columns of a table hold the pictures and the labels."""

import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from sparkgen.errors import RequestError
from sparkgen.ingest.files.path_list import NAMES, plain_name
from sparkgen.ingest.texts.fields import TEXTS

LABELS = (*NAMES["label"], "fine_label")
"""Names by which a column of labels is known, in any case, the first that is there before the others."""
HUGGING_FACE = b"huggingface"
"""The key of a schema's metadata where `datasets` writes what it knows of the columns."""


class Columns(NamedTuple):
    """The columns of a table that are read; `image` is that of the texts, where it is read for texts.

    `has_path`: the image is a struct of bytes and of the path that holds where bytes are null.
    `names` are the class names that the table itself gives to the labels 0, 1, ...; None: none.
    """

    image: str
    is_struct: bool
    has_path: bool
    label: str | None
    is_text: bool
    names: tuple[str, ...] | None
    caption: str | None = None

    @property
    def read(self) -> list[str]:
        """The names of the columns."""
        named = dict.fromkeys([self.image, self.label, self.caption])
        return [name for name in named if name]


def find_columns(
    schema: pa.Schema,
    *,
    image: str | None,
    label: str | None,
    uri: str,
    caption: str | None = None,
) -> Columns:
    """The columns by their names where these are given, else those that are plainly meant.

    Args:
        schema: of the table.
        image: name of the column of pictures; None: the only one that can be.
        label: name of the column of labels; None: one of a usual name, if there is one.
        uri: of the table, for messages.
        caption: name of the column of captions; None: there are none.

    Raises:
        RequestError: a column that is not there, of no such type, or not to be told from others.
    """
    if caption is not None:
        _check_caption(schema, caption, uri)
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
        plain = {plain_name(name): name for name in reversed(schema.names) if name != image}
        usual = [plain[name] for name in LABELS if name in plain]
        label = next(iter([*usual, *(classified if len(classified) == 1 else [])]), None)
    names = features.get(label, {}).get("names") if label else None
    is_text = label is not None and _is_text(schema, label, uri)
    has_path = "path" in children
    return Columns(
        image, bool(children), has_path, label, is_text, None if is_text else names, caption
    )


def find_text_columns(schema: pa.Schema, *, text: str, label: str | None, uri: str) -> Columns:
    """The column of texts and, where it is named, that of their labels.

    Args:
        schema: of the table.
        text: name of the column of texts.
        label: name of the column of labels; None: there is none.
        uri: of the table, for messages.

    Raises:
        RequestError: a column that is not there or of no such type.
    """
    kind = schema.field(_named(schema, text, "text", uri)).type
    if not is_string(kind):
        raise RequestError(
            f"texts in column {text} of {uri}",
            found=str(kind),
            mend="set source.text to the column that has them",
        )
    if label is None:
        return Columns(text, False, False, None, False, None)
    is_text = _is_text(schema, _named(schema, label, "label", uri), uri)
    names = _features(schema).get(label, {}).get("names")
    return Columns(text, False, False, label, is_text, None if is_text else names)


def guess_text_columns(schema: pa.Schema) -> tuple[str, str | None] | None:
    """The columns that are plainly those of texts and of their labels; None: none of texts."""
    if any(_is_picture(field.type) for field in schema):
        return None
    plain = {plain_name(name): name for name in reversed(schema.names)}
    label = next((plain[name] for name in LABELS if name in plain), None)
    strings = [f.name for f in schema if is_string(f.type) and f.name != label]
    usual = [plain[name] for name in TEXTS if plain.get(name) in strings]
    found = usual[:1] or (strings if len(strings) == 1 else [])
    return (found[0], label) if found else None


def is_string(kind: pa.DataType) -> bool:
    """Whether a column is of text."""
    kind = _plain(kind)
    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def may_be_labels(schema: pa.Schema, columns: Columns) -> list[str]:
    """The columns of text or integers that are not read."""
    kinds = (pa.types.is_integer, pa.types.is_string, pa.types.is_large_string)
    return [
        field.name
        for field in schema
        if field.name not in columns.read
        and schema.names.count(field.name) == 1
        and any(is_kind(_plain(field.type)) for is_kind in kinds)
    ]


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


def _check_caption(schema: pa.Schema, caption: str, uri: str) -> None:
    if schema.names.count(caption) != 1:
        raise RequestError(
            f"one column {caption}, dataset.captions.column, in {uri}",
            found=listed(schema.names),
            mend="correct its name",
        )
    kind = _plain(schema.field(caption).type)
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise RequestError(
            f"text in column {caption} of {uri}, dataset.captions.column",
            found=str(kind),
            mend="name a column of text",
        )


def _named(schema: pa.Schema, name: str, key: str, uri: str) -> str:
    if schema.names.count(name) != 1:
        raise RequestError(
            f"one column {name}, source.{key}, in {uri}",
            found=listed(schema.names),
            mend="correct its name",
        )
    return name


def _only_image(schema: pa.Schema, uri: str) -> str:
    found = [field.name for field in schema if _is_picture(field.type)]
    if len(found) != 1:
        raise RequestError(
            f"one column of encoded pictures in {uri}: of bytes, or a struct of bytes and path",
            found=listed(found) if found else f"none among {listed(schema.names)}",
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
    kind = _plain(schema.field(label).type)
    if pa.types.is_integer(kind):
        return False
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return True
    raise RequestError(
        f"labels in column {label} of {uri}: integers or text",
        found=str(kind),
        mend="set source.label to the column that has them, or write it as one of these",
    )


def _plain(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def listed(names: Sequence[str]) -> str:
    """Names, as many as a message can show."""
    return ", ".join(names[:20]) + (f" and {len(names) - 20} more" if len(names) > 20 else "")
