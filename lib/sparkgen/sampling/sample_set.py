"""Defines a sample set: the files that the sample step writes, and their manifest.

```
<samples>/<model name>/<id>/
  part-*.parquet        id, seed, label, the record as in a dataset version (such as `image`), and a
                        column given_<name> for every other thing that was given to the model
  contact_sheet.png     or .txt, by the kind of record
  png/<sample>.png      where they were asked for
  manifest.json         written last: a set without it is not there
  part-*.json           until then, beside each file that is written: its entry in the manifest
```

The id is a hash of everything the samples depend on. Two jobs that write the same set write the same
bytes, each file whole or not at all, so they cannot harm each other. A job that died is simply run
again, and so is one whose files were damaged or lost: what is whole stays.
"""

import hashlib
import json
import logging
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, Literal

import numpy.typing as npt
import pyarrow as pa
from pyarrow import fs
from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.files import FileEntry, StoredFile
from sparkgen.datasets.manifest import MANIFEST
from sparkgen.datasets.records import Record, make_record
from sparkgen.datasets.sealed import seal, unseal
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.models.portable import PortableModel
from sparkgen.sampling.given import Sources

CONTACT_SHEET = "contact_sheet"
GIVEN = "given_"
FILES = 64  # at most, until they reach FILE_ROWS; a task writes whole ones
FILE_ROWS = 16_384
FILE_BYTES = 256 << 20  # of records; a file of larger ones has fewer rows
REPAIR = "run the same step again, which makes it anew"

Array = npt.NDArray[Any]

log = logging.getLogger(__name__)


class GivenRecord(BaseModel):
    """The form of the records of one input that was given to the model."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    shape: tuple[int, ...]
    values: int


class SampleSet(BaseModel):
    """The manifest of a sample set."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    format_version: Literal[1] = 1
    id: str
    model_uri: str
    model_digest: str
    shape: tuple[int, ...]
    """Of a record, such as (height, width, channels)."""
    kind: str = "image"
    values: int = 256
    config: SamplingConfig
    given: dict[str, dict[str, Any]] = {}
    """What the values that were given depend on, for each source that the request names."""
    given_records: dict[str, GivenRecord] = {}
    """The form of the records that were given, by name, where it is another than that of the samples."""
    files: tuple[FileEntry, ...] = ()

    @model_serializer(mode="wrap")
    def _without_what_is_the_same(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        if not self.given_records:
            values.pop("given_records", None)
        return values

    @property
    def record(self) -> Record:
        """The form of the samples."""
        return make_record(self.kind, self.shape, self.values)

    def record_in(self, column: str | None) -> Record:
        """The form of the records of a column, such as `given_image`; None: the column of samples."""
        forms = {GIVEN + name: form for name, form in self.given_records.items()}
        form = forms.get(column or "")
        return self.record if form is None else make_record(form.kind, form.shape, form.values)


def describe(
    packed: PortableModel, model_uri: str, config: SamplingConfig, sources: Sources
) -> SampleSet:
    """The manifest of the sample set that a request makes, still without files."""
    # What is given does not enter where nothing is said of it, as in sets made before it could be.
    given = {name: dict(sources[name].identity) for name in config.given}
    request = config.model_dump(mode="json", exclude=None if given else {"given"})
    body = {"model": packed.digest, "uri": model_uri, **request}
    body |= {"sources": given} if given else {}
    text = json.dumps(body, sort_keys=True)
    return SampleSet(
        id=hashlib.sha256(text.encode()).hexdigest()[:16],
        model_uri=model_uri,
        model_digest=packed.digest,
        shape=packed.spec.shape,
        kind=packed.spec.record.kind,
        values=packed.spec.record.values,
        config=config,
        given=given,
        given_records=_other_records(packed, config),
    )


def _other_records(packed: PortableModel, config: SamplingConfig) -> dict[str, GivenRecord]:
    records = {name: one.record for name, one in packed.given.items() if name in config.given}
    return {
        name: GivenRecord(kind=record.kind, shape=record.shape, values=record.values)
        for name, record in records.items()
        if record is not None and record != packed.spec.record
    }


def part_ids(config: SamplingConfig, record: Record) -> list[range]:
    """The sample ids of each file: whole batches, except that the last one ends at `count`.

    A function of count, batch size and record alone, never of how many executors there are.
    """
    batches = -(-config.count // config.batch_rows)
    file_rows = min(FILE_ROWS, FILE_BYTES // record.row_bytes)
    most = max(1, file_rows // config.batch_rows)
    rows = min(-(-batches // FILES), most) * config.batch_rows
    starts = range(0, config.count, rows)
    return [range(start, min(start + rows, config.count)) for start in starts]


def write_sample_set(set_uri: str, sample_set: SampleSet) -> None:
    """Writes the manifest, which makes the set visible; an equal manifest is not written again."""
    text = json.dumps(sample_set.model_dump(mode="json"), indent=1, sort_keys=True)
    data, uri = text.encode() + b"\n", f"{set_uri}/{MANIFEST}"
    with suppress(OSError):
        if read_bytes(uri) == data:
            return
    write_bytes(uri, data)


def read_sample_set(set_uri: str) -> SampleSet | None:
    """The manifest of a sample set; None where the set does not exist or is incomplete.

    A damaged manifest is told, and is as good as none.
    """
    try:
        return SampleSet.model_validate_json(read_bytes(f"{set_uri}/{MANIFEST}"))
    except FileNotFoundError:
        return None
    except (OSError, ValidationError) as error:
        log.warning("%s/%s is damaged: %s", set_uri, MANIFEST, str(error).splitlines()[0])
        return None


def part_path(part: int) -> str:
    """The path of a file of samples, relative to its sample set."""
    return f"part-{part:05d}.parquet"


def write_note(set_uri: str, part: int, entry: FileEntry) -> None:
    """Writes a small JSON file, a note, that marks a file as complete until the manifest exists."""
    write_bytes(_note_uri(set_uri, part), seal(entry.model_dump()))


def remove_notes(set_uri: str, parts: int) -> None:
    """Removes the notes of `write_note`, after the manifest is written."""
    for uri in _notes(set_uri, parts).values():
        filesystem, path = open_uri(uri)
        with suppress(FileNotFoundError):  # another job that makes the same set was first
            filesystem.delete_file(path)


def known_files(set_uri: str, wanted: SampleSet) -> dict[int, StoredFile]:
    """The files of a sample set that the manifest or the notes list, including damaged ones."""
    ids = part_ids(wanted.config, wanted.record)
    found = read_sample_set(set_uri)
    if found is not None and found.model_copy(update={"files": ()}) == wanted:
        entries = dict(enumerate(found.files[: len(ids)]))
    else:
        entries = _noted(set_uri, len(ids))
    return {
        part: StoredFile(set_uri, entry, REPAIR)
        for part, entry in entries.items()
        if (entry.path, entry.rows) == (part_path(part), len(ids[part]))
    }


def _noted(set_uri: str, parts: int) -> dict[int, FileEntry]:
    entries = {}
    for part, uri in _notes(set_uri, parts).items():
        try:
            entries[part] = FileEntry.model_validate(unseal(read_bytes(uri)))
        except (OSError, ValueError):  # a damaged one: the file is made again
            continue
    return entries


def _notes(set_uri: str, parts: int) -> dict[int, str]:
    """The URIs of the existing notes, by the numbers of their files."""
    filesystem, path = open_uri(set_uri)
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True))
    there = {info.base_name for info in found if info.type == fs.FileType.File}
    notes = {part: _note_uri(set_uri, part) for part in range(parts)}
    return {part: uri for part, uri in notes.items() if uri.rpartition("/")[2] in there}


def _note_uri(set_uri: str, part: int) -> str:
    return f"{set_uri}/part-{part:05d}.json"


def as_columns(
    ids: range,
    seed: int,
    made: Array,
    record: Record,
    given: Mapping[str, tuple[Array, Record | None]],
) -> pa.Table:
    """The rows of a sample set as an Arrow table.

    Args:
        ids: of the N samples.
        seed: of their noise.
        made: the samples as they are stored, (N, *shape).
        record: what they are.
        given: by name, N values each and their record; None: labels, int32, and texts.
    """
    count, labels = len(ids), pa.nulls(len(ids), pa.int32())
    further = []
    for name, (values, one) in given.items():
        column = _given_column(values) if one is None else one.encode(values)
        if name == "label" and column.type == pa.int32():
            labels = column
        else:
            further.append((pa.field(GIVEN + name, column.type, nullable=False), column))
    columns = [
        (pa.field("id", pa.int64(), nullable=False), pa.array(range(ids.start, ids.stop))),
        (pa.field("seed", pa.int64(), nullable=False), pa.array([seed] * count, pa.int64())),
        (pa.field("label", pa.int32()), labels),
        (pa.field(record.kind, pa.binary(), nullable=False), record.encode(made)),
        *further,
    ]
    fields, arrays = zip(*columns, strict=True)
    return pa.Table.from_arrays(list(arrays), schema=pa.schema(list(fields)))


def _given_column(values: Array) -> pa.Array:
    """Labels or texts as an Arrow column."""
    return pa.array(values, pa.string() if values.dtype.kind in "OU" else pa.int32())
