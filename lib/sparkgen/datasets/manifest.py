"""The manifest: what a dataset version is. It is written last, and a version without it is not there.

```
<datasets>/<name>/<version>/
  train/part-*.parquet  validation/part-*.parquet  test/part-*.parquet   id, label, image
  quarantine/part-*.parquet                                  split, source, position, reason, record
  manifest.json
```
"""

import hashlib
import json
from typing import Any, Literal

from pyarrow import fs
from pydantic import BaseModel, ConfigDict, ValidationError

from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.errors import ManifestError

FORMAT_VERSION: Literal[1] = 1
MANIFEST = "manifest.json"
# Petastorm unpickles a schema that it finds in a data set, which runs code of whoever wrote it.
PICKLED_SCHEMA_FILES = ("_common_metadata", "_metadata")


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class FileEntry(_Section):
    """One Parquet file of a split: one row group. `path` is relative to the version."""

    path: str
    rows: int
    bytes: int
    sha256: str


class SplitEntry(_Section):
    """One split: its rows, how many of each label (by number), its files in order."""

    rows: int
    label_counts: dict[int, int]
    files: tuple[FileEntry, ...]


class SourceEntry(_Section):
    """One source file as it was when it was read; `modified` is its time stamp or its etag."""

    uri: str
    size: int
    modified: str


class Manifest(_Section):
    """A dataset version."""

    format_version: Literal[1] = FORMAT_VERSION
    name: str
    version: str
    record: Literal["image"] = "image"
    shape: tuple[int, ...]
    """(height, width, channels)."""
    dtype: Literal["uint8"] = "uint8"
    class_names: tuple[str, ...]
    lanes: int
    splits: dict[str, SplitEntry]
    quarantined: dict[str, int]
    """Bad records by reason."""
    unused: dict[str, int] = {}
    """Files and records that were seen and are no rows, by reason; says nothing of the rows."""
    quarantine_files: tuple[FileEntry, ...] = ()
    sources: tuple[SourceEntry, ...]
    config: dict[str, Any]
    """The dataset's configuration, whole."""
    libraries: dict[str, str]

    def split(self, name: str) -> SplitEntry:
        """A split that has rows, or a `ManifestError`."""
        if name not in self.splits or self.splits[name].rows == 0:
            raise ManifestError(
                f"a split '{name}' with rows in dataset {self.name}",
                found=", ".join(f"{k} ({v.rows})" for k, v in self.splits.items()),
                mend="choose another split, or ingest the dataset with one",
            )
        return self.splits[name]


def content_version(manifest: Manifest) -> str:
    """The id of a version: 16 hex digits of the SHA-256 of its content and its configuration.

    Where the sources lie, what of them was not used, and which libraries wrote the files, do not
    enter.
    """
    left_out = {"version", "sources", "libraries", "config", "unused"}
    body = manifest.model_dump(mode="json", exclude=left_out)
    options = {k: v for k, v in manifest.config.items() if k != "source"}
    text = json.dumps([body, options], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def write_manifest(version_uri: str, manifest: Manifest) -> None:
    """Makes a version visible."""
    text = json.dumps(manifest.model_dump(mode="json"), indent=1, sort_keys=True)
    write_bytes(f"{version_uri}/{MANIFEST}", text.encode() + b"\n")


def read_manifest(version_uri: str) -> Manifest:
    """The manifest of a version.

    Raises:
        ManifestError: none there, not readable as one, or a pickled schema beside it.
    """
    try:
        manifest = Manifest.model_validate_json(read_bytes(f"{version_uri}/{MANIFEST}"))
    except OSError:
        raise ManifestError(
            f"a dataset version at {version_uri}",
            found=f"no {MANIFEST}",
            mend="run sparkgen ingest",
        ) from None
    except ValidationError as error:
        first = error.errors()[0]
        raise ManifestError(
            f"a manifest of format {FORMAT_VERSION} in {version_uri}",
            found=f"{'.'.join(map(str, first['loc']))}: {first['msg']}",
            mend="ingest the dataset again",
        ) from None
    _refuse_pickled_schema(version_uri, manifest)
    return manifest


def list_versions(datasets_uri: str, name: str) -> list[Manifest]:
    """All versions of a dataset, the newest manifest first."""
    filesystem, path = open_uri(f"{datasets_uri}/{name}")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=False))
    candidates = []
    for entry in found:
        if entry.type != fs.FileType.Directory or entry.base_name.startswith("."):
            continue
        info = filesystem.get_file_info(f"{entry.path}/{MANIFEST}")
        if info.type == fs.FileType.File:
            candidates.append((info.mtime_ns or 0, entry.base_name))
    return [
        read_manifest(f"{datasets_uri}/{name}/{v}") for _, v in sorted(candidates, reverse=True)
    ]


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
