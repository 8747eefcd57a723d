"""Defines the manifest, the JSON file that describes a dataset version and is written last.

```
<datasets>/<name>/<version>/
  train/part-*.parquet  validation/part-*.parquet  test/part-*.parquet   id, label, record, caption
  quarantine/part-*.parquet                                  split, source, position, reason, record
  tokenizer.json                                             where records or captions are tokens of one
  manifest.json
```

The name of the third column is the kind of the records; only pictures with captions have a fourth. A
manifest of format 1 describes images of 256 levels without captions; one of format 2 describes any
records of `sparkgen.datasets.records`. A version is written in the older format that can describe it.
"""

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from typing import Annotated, Any, Literal, NamedTuple

from pyarrow import fs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    ValidationError,
    field_serializer,
    model_serializer,
    model_validator,
)

from sparkgen.datasets.files import FileEntry, StoredFile, digest
from sparkgen.datasets.records import DataSpec, Record, make_record
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.errors import ManifestError

MANIFEST = "manifest.json"
TOKENIZER = "tokenizer.json"
# The fields that say what a row is.
FORM = ("format_version", "record", "values", "shape", "dtype", "tokenizer", "caption_length")
# Petastorm unpickles a schema that it finds in a data set, which runs code of whoever wrote it.
PICKLED_SCHEMA_FILES = ("_common_metadata", "_metadata")
REPAIR = "run sparkgen ingest again, which repairs it"

Positive = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(ge=0)]


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class SplitEntry(_Section):
    """One split: its number of rows, the number of rows of each label, and its files in order."""

    rows: Count
    label_counts: dict[int, Count]
    files: tuple[FileEntry, ...]


class SourceEntry(_Section):
    """One source file at the time of reading; `modified` is its time stamp or its etag."""

    uri: str
    size: int
    modified: str


class Manifest(_Section):
    """The description of a dataset version."""

    format_version: Literal[1, 2] = 1
    name: str
    version: str
    record: str = "image"
    """The kind of the records, which is the name of their column."""
    values: int = 256
    """How many values an entry of a record can have. Format 1 does not write it."""
    shape: tuple[Positive, ...]
    """Of one record, such as (height, width, channels)."""
    dtype: str = "uint8"
    tokenizer: Tokenizer | None = None
    """Of token records, or of captions. The manifest has its SHA-256; the file lies beside it."""
    caption_length: Positive | None = None
    """Tokens of the caption beside each record; null: there are none."""
    texts: dict[str, dict[str, Count]] = {}
    """How many documents, tokens, characters and bytes of UTF-8 each split of a text has."""
    class_names: tuple[str, ...]
    lanes: Positive
    splits: dict[str, SplitEntry]
    quarantined: dict[str, Count]
    """Bad records by reason."""
    unused: dict[str, Count] = {}
    """Files and records that were seen and are no rows, by reason; says nothing of the rows."""
    captions: dict[str, Count] = {}
    """What captions lack, by reason: of how many there are no words, or too many, and how many words have
    no token; says nothing else of the rows."""
    copies: dict[str, Count] = {}
    """How many records of one split are exact copies of records of another, as in `train in test`; says
    nothing of the rows."""
    quarantine_files: tuple[FileEntry, ...] = ()
    sources: tuple[SourceEntry, ...]
    config: dict[str, Any]
    """The dataset's configuration, whole."""
    libraries: dict[str, str]

    @model_validator(mode="after")
    def _describes_its_records(self) -> "Manifest":
        expected = described(self._form)
        found = {key: getattr(self, key) for key in FORM}
        if found != expected:
            raise ValueError(f"the records must be described as {expected}, found {found}")
        return self

    @model_serializer(mode="wrap")
    def _without_later_keys(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Writes format 1 without newer keys, so that its bytes and its ids do not change."""
        values: dict[str, Any] = handler(self)
        if self.format_version == 1:
            values.pop("values", None)
        for key in ("captions", "copies", "texts", "tokenizer", "caption_length"):
            if not values.get(key):
                values.pop(key, None)
        return values

    @field_serializer("tokenizer")
    def _by_its_digest(self, tokenizer: Tokenizer | None) -> str | None:
        return None if tokenizer is None else tokenizer.sha256

    @property
    def spec(self) -> DataSpec:
        """The information on this version that a model is built from."""
        train, classes = self.splits.get("train"), len(self.class_names)
        counts = train.label_counts if train is not None else {}
        seen = tuple(label for label in range(classes) if counts.get(label))
        return DataSpec(self._form, classes, seen if 0 < len(seen) < classes else None)

    @property
    def _form(self) -> Record:
        return make_record(
            self.record, self.shape, self.values, self.tokenizer, self.caption_length
        )

    def split(self, name: str) -> SplitEntry:
        """The entry of a split; a `ManifestError` where the split is missing or has no rows."""
        if name not in self.splits or self.splits[name].rows == 0:
            raise ManifestError(
                f"a split '{name}' with rows in dataset {self.name}",
                found=", ".join(f"{k} ({v.rows})" for k, v in self.splits.items()),
                mend="choose another split, or ingest the dataset with one",
            )
        return self.splits[name]

    def split_files(self, version_uri: str, name: str) -> list[StoredFile]:
        """The files of a split that has rows; `version_uri` is the folder of the version."""
        return [StoredFile(version_uri, entry, REPAIR) for entry in self.split(name).files]

    def all_files(self, version_uri: str) -> list[StoredFile]:
        """All files of the version except the manifest, including those of the quarantine."""
        entries = [entry for split in self.splits.values() for entry in split.files]
        return [StoredFile(version_uri, e, REPAIR) for e in (*entries, *self.quarantine_files)]


class DatasetVersion(NamedTuple):
    """A dataset version: its URI and its manifest."""

    uri: str
    manifest: Manifest


def described(record: Record) -> dict[str, Any]:
    """The keys of a manifest that describe the form of its records: those of `FORM`."""
    caption = record.caption
    by_format_1 = record.kind == "image" and record.values == 256 and caption is None
    return {
        "format_version": 1 if by_format_1 else 2,
        "record": record.kind,
        "values": record.values,
        "shape": record.shape,
        "dtype": record.dtype.name,
        "tokenizer": record.tokenizer if caption is None else caption.tokenizer,
        "caption_length": None if caption is None else caption.shape[0],
    }


def content_version(manifest: Manifest) -> str:
    """The id of a version: 16 hex digits of the SHA-256 of its content and its configuration.

    Where the sources and a given tokenizer lie, what of the sources was not used, what captions lack,
    which splits share records, and which libraries wrote the files, do not enter.
    """
    options = dict(manifest.config)
    if options.get("tokenizer"):  # the body has its SHA-256
        options["tokenizer"] = {**options["tokenizer"], "path": None}
    return _id_of(manifest, options)


def _id_of(manifest: Manifest, config: Mapping[str, Any]) -> str:
    left_out = {"version", "sources", "libraries", "config", "unused", "captions", "copies"}
    body = manifest.model_dump(mode="json", exclude=left_out)
    options = {k: v for k, v in config.items() if k != "source"}
    text = json.dumps([body, options], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_manifest(version_uri: str, manifest: Manifest) -> None:
    """Writes the manifest, which makes the version visible, after its tokenizer; equal files stay."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True)
    files = {} if manifest.tokenizer is None else {TOKENIZER: manifest.tokenizer.json.encode()}
    files[MANIFEST] = text.encode() + b"\n"
    for name, data in files.items():
        uri = f"{version_uri}/{name}"
        with suppress(OSError):
            if read_bytes(uri) == data:
                continue
        write_bytes(uri, data)


def renew_manifest(version_uri: str) -> None:
    """Writes the same manifest once more, which makes its version the newest."""
    uri = f"{version_uri}/{MANIFEST}"
    write_bytes(uri, read_bytes(uri))


def read_manifest(version_uri: str) -> Manifest:
    """The manifest of a version.

    Raises:
        ManifestError: none there, not readable as one, not the one that was written, or a pickled
            schema beside it.
    """
    try:
        values = json.loads(read_bytes(f"{version_uri}/{MANIFEST}"))
        if isinstance(values, dict) and values.get("tokenizer"):
            values["tokenizer"] = _read_tokenizer(version_uri, values["tokenizer"])
        manifest = Manifest.model_validate(values)
    except FileNotFoundError:
        raise ManifestError(
            f"a dataset version at {version_uri}",
            found=f"no {MANIFEST}",
            mend="run sparkgen ingest",
        ) from None
    except OSError as error:
        raise damaged_manifest(version_uri, str(error)) from None
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise damaged_manifest(version_uri, f"{MANIFEST}: {error}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or MANIFEST
        raise damaged_manifest(version_uri, f"{place}: {first['msg']}") from None
    # In earlier releases the path of a given tokenizer entered the id.
    if manifest.version not in (content_version(manifest), _id_of(manifest, manifest.config)):
        raise damaged_manifest(
            version_uri, f"one that version {manifest.version} was not written with"
        )
    _refuse_pickled_schema(version_uri, manifest)
    return manifest


def _read_tokenizer(version_uri: str, sha256: str) -> Tokenizer:
    try:
        data = read_bytes(f"{version_uri}/{TOKENIZER}")
    except FileNotFoundError:
        raise damaged_manifest(version_uri, f"no {TOKENIZER} beside it") from None
    if digest(data) != sha256:
        raise damaged_manifest(version_uri, f"another {TOKENIZER} beside it than it describes")
    return Tokenizer(data.decode())


def damaged_manifest(version_uri: str, found: str) -> ManifestError:
    """The error for a manifest that is not as it was written."""
    return ManifestError(f"a manifest of format 1 or 2 in {version_uri}", found=found, mend=REPAIR)


def _refuse_pickled_schema(version_uri: str, manifest: Manifest) -> None:
    filesystem, root = open_uri(version_uri)
    folders = [root] + [f"{root}/{split}" for split in manifest.splits]
    paths = [f"{folder}/{name}" for folder in folders for name in PICKLED_SCHEMA_FILES]
    for info in filesystem.get_file_info(paths):
        if info.type == fs.FileType.File:
            raise ManifestError(
                f"plain Parquet in {version_uri}",
                found=f"{info.path}, which may carry a pickled Petastorm schema",
                mend="ingest the data with sparkgen ingest instead",
            )
