"""Defines a sample set: the files that the sample step writes, and their manifest.

```
<samples>/<model name>/<id>/
  part-*.parquet        id, seed, label, the record as in a dataset version (such as `image`), a column
                        given_<name> for every other thing that was given to the model, for one from a
                        file also given_<name>_name, and a column figure_<name> for every figure that
                        the model gives of a sample
  contact_sheet.png     or .txt, by the kind of record; of texts both
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
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
from pyarrow import fs
from pydantic import (
    BaseModel,
    ConfigDict,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
)

from sparkgen.config.experiment import SamplingConfig
from sparkgen.credentials import hide_in
from sparkgen.datasets.files import FileEntry, StoredFile
from sparkgen.datasets.manifest import MANIFEST
from sparkgen.datasets.record_entry import RecordEntry
from sparkgen.datasets.records import Record, TextRecord
from sparkgen.datasets.rows import read_column
from sparkgen.datasets.sealed import seal, unseal
from sparkgen.datasets.storage import open_uri, read_bytes, write_bytes
from sparkgen.models.portable import PortableModel
from sparkgen.sampling.columns import GIVEN
from sparkgen.sampling.given import Sources
from sparkgen.unexpected import first_line

CONTACT_SHEET = "contact_sheet"
FILES = 64  # at most, until they reach FILE_ROWS; a task writes whole ones
FILE_ROWS = 16_384
FILE_BYTES = 256 << 20  # of records; a file of larger ones has fewer rows
REPAIR = "run the same step again, which makes it anew"

Array = npt.NDArray[Any]

log = logging.getLogger(__name__)


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
    tokenizer: str | None = None
    """The text of the `tokenizer.json` of records that are tokens."""
    config: SamplingConfig
    options: dict[str, Any] = {}
    """All options that the samples were made with, those that the request does not state among them."""
    given: dict[str, dict[str, Any]] = {}
    """What the values that were given depend on, for each source that the request names."""
    given_records: dict[str, RecordEntry] = {}
    """The form of the records that were given, by name, where it is another than that of the samples."""
    figures: dict[str, float] = {}
    """The means of the figures that each sample has, by name."""
    files: tuple[FileEntry, ...] = ()

    @model_serializer(mode="wrap")
    def _without_what_is_the_same(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = handler(self)
        values |= {name: hide_in(values[name]) for name in ("config", "given")}
        for name in ("options", "given_records", "figures", "tokenizer"):
            if not values.get(name):
                values.pop(name, None)
        return values

    @property
    def record(self) -> Record:
        """The form of the samples."""
        form = RecordEntry(
            kind=self.kind, shape=self.shape, values=self.values, tokenizer=self.tokenizer
        )
        return form.record

    def record_in(self, column: str | None) -> Record:
        """The form of the records of a column, such as `given_image`; None: the column of samples."""
        forms = {GIVEN + name: form for name, form in self.given_records.items()}
        form = forms.get(column or "")
        return self.record if form is None else form.record


class Sampled(NamedTuple):
    """A sample set that was made: its URI and its manifest."""

    uri: str
    sample_set: SampleSet

    @property
    def contact_sheet(self) -> str:
        """The URI of the contact sheet."""
        return f"{self.uri}/{CONTACT_SHEET}{self.sample_set.record.suffix}"

    @property
    def text_picture(self) -> str:
        """The URI of the picture of the contact sheet, where samples are texts."""
        return f"{self.uri}/{CONTACT_SHEET}.png"

    @property
    def sheets(self) -> list[str]:
        """The URIs of the contact sheet and, where samples are texts, of its picture."""
        of_texts = self.sample_set.kind == TextRecord.kind
        return [self.contact_sheet, *([self.text_picture] if of_texts else [])]

    @property
    def files(self) -> list[StoredFile]:
        """The files of samples, in the order of the ids."""
        return [StoredFile(self.uri, entry, REPAIR) for entry in self.sample_set.files]


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
    form = RecordEntry.of(packed.makes)
    if packed.makes.kind == "text":  # strings, which are read without it
        form = form.model_copy(update={"tokenizer": None})
    return SampleSet(
        id=hashlib.sha256(text.encode()).hexdigest()[:16],
        model_uri=model_uri,
        model_digest=packed.digest,
        **form.model_dump(),
        config=config,
        options={**packed.description["generate_options"], **config.options},
        given=given,
        given_records=_other_records(packed, config),
    )


def _other_records(packed: PortableModel, config: SamplingConfig) -> dict[str, RecordEntry]:
    records = {name: one.record for name, one in packed.given.items() if name in config.given}
    return {
        name: RecordEntry.of(record)
        for name, record in records.items()
        if record is not None and record != packed.makes
    }


def part_ids(config: SamplingConfig, record: Record) -> list[range]:
    """The sample ids of each file: whole batches, except that the last one ends at `count`.

    A function of count, batch size and record alone, never of how many executors there are. Pictures of
    any size are made one by one, so that a batch is one of them.
    """
    batch_rows = 1 if record.alone else config.batch_rows
    batches = -(-config.count // batch_rows)
    file_rows = min(FILE_ROWS, FILE_BYTES // record.row_bytes)
    most = max(1, file_rows // batch_rows)
    rows = min(-(-batches // FILES), most) * batch_rows
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
        log.warning("%s/%s is damaged: %s", set_uri, MANIFEST, first_line(error))
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
    if found is not None and found.id == wanted.id:
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


def read_samples(made: Sampled, *, limit: int, column: str | None = None) -> Any:
    """The first samples of a sample set, or the first records of another column.

    Args:
        made: the set.
        limit: how many, at most.
        column: such as `given_image`; None: the samples themselves.

    Returns:
        (N, *shape), as they are stored.
    """
    record = made.sample_set.record_in(column)
    parts, count = [record.decode([])], 0
    for file in made.files:
        if count >= limit:
            break
        parts.append(read_column(file, record, column))
        count += file.entry.rows
    return np.concatenate(parts)[:limit]


def stream_samples(made: Sampled, *, limit: int, column: str | None = None) -> Iterator[Array]:
    """What `read_samples` gives, decoded one after the other: a file of encoded ones is in memory."""
    record, name = made.sample_set.record_in(column), column or made.sample_set.kind
    cells = (cell for file in made.files for cell in file.table([name])[name])
    for cell in islice(cells, limit):
        yield record.decode([cell.as_py()])[0]
