"""Reads lists of pictures: paths, classes and splits, as CSV with a header or as JSON lines."""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import as_value, shown
from sparkgen.ingest.files.compressed import compression, opened
from sparkgen.ingest.files.split_words import SPLITS

JSON_LINES = (".jsonl", ".ndjson", ".json")
DELIMITERS = ",;\t|"
NAMES = {
    "image": (
        "image", "image_path", "img_path", "filepath", "filepaths", "file_path", "path", "file_name",
        "filename", "file", "image_file", "image_name", "img", "image_id", "id",
    ),
    "label": (
        "label", "labels", "class", "class_name", "category", "target", "label_name", "class_id",
        "label_id",
    ),
    "split": ("split", "set", "partition", "subset", "data_set"),
}  # fmt: skip
"""What the columns of a list are called, the likeliest first; blanks and hyphens count as `_`."""


class Columns(NamedTuple):
    """The names of the columns; None for one that the list does not have."""

    image: str
    label: str | None
    split: str | None


class Row(NamedTuple):
    """A row of a list: the path of a picture, the value of its class, its split as it is written.

    `bad` is why it is none, as the quarantine names it; then the path says where the row is.
    """

    path: str
    value: str | None = None
    split: str | None = None
    bad: str | None = None


_Record = tuple[int, dict[str, Any] | None]
"""The number of a line and its values by column; None: it has not as many as there are columns."""
_Table = tuple[list[str], list[_Record]]
"""The names of the columns, empty where there is no row, and the records."""


class PathList(NamedTuple):
    """The rows of a list in order, the columns that they were read from, and those that are not used."""

    columns: Columns
    rows: list[Row]
    others: list[str]
    like_splits: list[str]  # those of them whose values are all words for splits

    @property
    def tells(self) -> bool:
        """Whether it says more than which pictures there are: their classes or splits."""
        return (self.columns.label or self.columns.split) is not None


def read_list(uri: str, stated: Mapping[str, str | None]) -> PathList:
    """The rows of a list.

    Args:
        uri: of the file, plain or compressed; by its ending CSV or JSON lines.
        stated: the names of the columns `image`, `label` and `split`; None: found by `NAMES`.

    Raises:
        RequestError: no such list, or one without these columns.
        IngestError: it cannot be read.
    """
    text = _text(uri)
    ending = uri.lower().removesuffix(_compressed(uri))
    header, records = (_json_lines if ending.endswith(JSON_LINES) else _csv)(uri, text)
    if not header:
        raise RequestError(f"rows in {uri}", found="none", mend="correct source.path")
    columns = find_columns(uri, header, stated)
    rows = [_row(number, record, columns) for number, record in records]
    others = [name for name in dict.fromkeys(header) if name not in columns]
    like_splits = [
        name
        for name in others
        if all(str((r or {}).get(name)).strip().lower() in SPLITS for _, r in records)
    ]
    return PathList(columns, rows, others, like_splits if records else [])


def find_columns(uri: str, header: Sequence[str], stated: Mapping[str, str | None]) -> Columns:
    """The columns of a list by their stated names, or else by the usual ones.

    Raises:
        RequestError: a stated name that no column has, or no column that is plainly one of paths.
    """
    plain = {plain_name(name): name for name in reversed(header)}
    found: dict[str, str | None] = {}
    for what, usual in NAMES.items():
        name = stated.get(what)
        if name is not None and name not in header:
            raise RequestError(
                f"source.{what}, the name of a column of {uri}",
                found=f"{name}, where there are {shown(header)}",
                mend="correct it",
            )
        found[what] = name or next((plain[n] for n in usual if n in plain), None)
    image = found["image"]
    if image is None:
        raise RequestError(
            f"names of columns as the first line of {uri}, one of them of paths, such as image,label",
            found=shown([name[:40] for name in header]) or "an empty line",
            mend="add such a line, or name the column of the paths as source.image",
        )
    return Columns(image, found["label"], found["split"])


def plain_name(name: str) -> str:
    """The name of a column as those of `NAMES` are written."""
    return re.sub(r"[\s-]+", "_", name.strip().lower())


def _row(number: int, record: Mapping[str, Any] | None, columns: Columns) -> Row:
    """A row of the line `number`; a record of None is one that is not as wide as the header."""
    where = f"line {number}"
    if record is None:
        return Row(where, bad="unreadable-row")
    path, value, split = (None if name is None else record.get(name) for name in columns)
    if not isinstance(path, str | int) or not str(path).strip():
        return Row(where, bad="no-path")
    if isinstance(value, dict | list):
        return Row(where, bad="no-label")
    text = None if value is None else as_value(value) or None
    return Row(str(path).strip(), text, None if split is None else str(split).strip())


def _csv(uri: str, text: str) -> _Table:
    """The names of the header, and a record of each row after it."""
    first = text.lstrip().partition("\n")[0]
    delimiter = max(DELIMITERS, key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    records: list[_Record] = []
    try:
        for fields in reader:
            if not any(field.strip() for field in fields):
                continue
            if not header:
                header = [field.strip() for field in fields]
                continue
            fits = len(fields) == len(header)
            records.append(
                (reader.line_num, dict(zip(header, fields, strict=True)) if fits else None)
            )
    except csv.Error as error:
        raise _unreadable(uri, "CSV", reader.line_num, str(error)) from None
    return header, records


def _json_lines(uri: str, text: str) -> _Table:
    """The keys of all objects, as an object may lack those that it has no value for, and the objects."""
    names: dict[str, None] = {}
    records: list[_Record] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            if not names:
                raise _unreadable(uri, "JSON lines", number, str(error)) from None
            record = None
        if not isinstance(record, dict) and not names:
            raise _unreadable(uri, "JSON lines", number, "no object")
        records.append((number, record if isinstance(record, dict) else None))
        names |= dict.fromkeys(records[-1][1] or ())
    return list(names), records


def _text(uri: str) -> str:
    with opened(uri) as stream:
        data = bytes(stream.read())
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _unreadable(
            uri, "text in UTF-8", line, f"{data[error.start : error.end]!r}"
        ) from None


def _compressed(uri: str) -> str:
    """The ending that names a compression."""
    return uri.lower()[uri.rindex(".") :] if compression(uri) else ""


def _unreadable(uri: str, kind: str, line: int, found: str) -> RequestError:
    return RequestError(
        f"{kind} in {uri}", found=f"{found} in line {line}", mend="correct the file"
    )


def split_names(rows: Iterable[Row]) -> dict[str, str]:
    """The split that each value of the column of splits means.

    `train`, `test`, `validation` or, for a value that none of `SPLITS` is, "". Where no row is of the
    test split, the validation rows are it: the rows that these data hold out.
    """
    meant = {row.split: SPLITS.get(row.split.lower(), "") for row in rows if row.split}
    if "test" not in meant.values():
        meant = {value: "test" if m == "validation" else m for value, m in meant.items()}
    return meant
