"""Reads the files of an artifact, and checks their bytes against the manifest at every read.

A file is read whole anyway, and its SHA-256 costs less than its decoding. So every read checks it:
what a reader gets is what the manifest says, or a `ManifestError` that names the file.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple

import pyarrow as pa
from pyarrow import fs
from pydantic import BaseModel, ConfigDict, Field

from sparkgen.datasets.storage import open_uri, read_bytes
from sparkgen.errors import ManifestError, RequestError

# Folders and a file below the artifact, never beside or above it.
PATH = r"^([A-Za-z0-9_-]+/)*[A-Za-z0-9_-][A-Za-z0-9_.-]*$"


class FileEntry(BaseModel):
    """The manifest's entry for one Parquet file, which has a single row group."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(pattern=PATH)]
    """Relative to the artifact."""
    rows: Annotated[int, Field(ge=0)]
    bytes: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class StoredFile(NamedTuple):
    """A file of an artifact: the URI of the artifact's folder, and the file's entry in the manifest."""

    folder_uri: str
    entry: FileEntry
    mend: str
    """What makes the file anew, for the user: "run sparkgen ingest again"."""

    @property
    def uri(self) -> str:
        """The URI or path of the file."""
        return f"{self.folder_uri}/{self.entry.path}"

    def read(self) -> pa.Buffer:
        """All bytes of the file.

        Raises:
            ManifestError: it is not there, or has other bytes than the manifest says.
        """
        filesystem, path = open_uri(self.uri)
        try:
            with filesystem.open_input_file(path) as file:
                data = file.read_buffer()
        except FileNotFoundError:
            raise self._wrong_size("no such file") from None
        except OSError as error:
            raise self._wrong_size(str(error)) from None
        if data.size != self.entry.bytes:
            raise self._wrong_size(str(data.size))
        if digest(data) != self.entry.sha256:
            raise ManifestError(
                f"the bytes that the manifest describes in {self.uri}",
                found="others: the file is damaged",
                mend=self.mend,
            )
        return data

    def table(self, columns: Sequence[str], *, widths: Mapping[str, int] | None = None) -> pa.Table:
        """Some columns of the file as a table without missing values.

        Args:
            columns: their names.
            widths: bytes of every value of a column, by its name.

        Raises:
            ManifestError: as `read`, or the bytes are not such a table.
        """
        import pyarrow.compute as pc
        import pyarrow.parquet as pq

        data = self.read()
        try:
            file = pq.ParquetFile(pa.BufferReader(data))
            table = file.read(columns=list(columns), use_threads=False)
        except (OSError, ValueError, pa.ArrowException) as error:
            raise self._no_table(columns, " ".join(str(error).split())) from None
        if table.num_rows != self.entry.rows or sorted(table.column_names) != sorted(columns):
            raise self._no_table(columns, f"{table.num_rows} of {', '.join(table.column_names)}")
        table = table.select(list(columns))
        if any(column.null_count for column in table.columns):
            raise self._no_table(columns, "missing values")
        for name, width in (widths or {}).items():
            sizes = set(pc.unique(pc.binary_length(table[name])).to_pylist())
            if wrong := sizes - {width}:
                raise self._no_table(columns, f"{name}s of {min(wrong)} bytes, not {width}")
        return table

    def wrong_size(self, info: fs.FileInfo) -> ManifestError | None:
        """The error for a missing file or a wrong size; None where the file has its size."""
        if info.type != fs.FileType.File:
            return self._wrong_size("no such file")
        return None if info.size == self.entry.bytes else self._wrong_size(str(info.size))

    def _wrong_size(self, found: str) -> ManifestError:
        return ManifestError(f"{self.entry.bytes} bytes in {self.uri}", found=found, mend=self.mend)

    def _no_table(self, columns: Sequence[str], found: str) -> ManifestError:
        return ManifestError(
            f"{self.entry.rows} rows of {', '.join(columns)} in {self.uri}",
            found=found,
            mend=self.mend,
        )


def check_sizes(files: Sequence[StoredFile]) -> None:
    """Checks that files of one artifact exist and have their sizes, without reading them.

    Raises:
        ManifestError: the first that is missing or has not its size.
    """
    if not files:
        return
    filesystem, root = open_uri(files[0].folder_uri)
    infos = filesystem.get_file_info([f"{root}/{file.entry.path}" for file in files])
    for file, info in zip(files, infos, strict=True):
        if (error := file.wrong_size(info)) is not None:
            raise error


def read_held(
    path: str, sha256: str | None, *, called: str, key: str, mend: str = "get the file again"
) -> bytes:
    """All bytes of a file that a request names, held to their SHA-256.

    Args:
        path: its path or URI.
        sha256: that it should have; None: that is not known.
        called: what it should be, in errors: "a weights file".
        key: of the request, in errors.
        mend: what to do where it has another one.

    Raises:
        RequestError: there is no such file, it cannot be read, or it has another SHA-256.
    """
    try:
        data = read_bytes(path)
    except OSError as error:
        raise RequestError(
            f"{called} as {key}",
            found=f"{type(error).__name__} at {path}",
            mend="correct the path",
        ) from None
    if sha256 is not None and (found := digest(data)) != sha256:
        raise RequestError(
            f"{called} with the SHA-256 {sha256} as {key}", found=f"{found} at {path}", mend=mend
        )
    return data


def digest(data: bytes | pa.Buffer) -> str:
    """The SHA-256 of some bytes, as hexadecimal text."""
    return hashlib.sha256(data).hexdigest()
