"""Runs the three passes of an ingest on the executors: parse sources, assign records to files, write.

    shares -parse-> groups of blocks -deal-> parts, a task's each -write-> files of the version

What a pass hands to the next lies in the scratch folder of the staged version, as Arrow files that
are written once and of which a task reads what it needs; Spark carries their names. So no record
passes through the JVM, none is an object of Python, and a lost executor takes no finished task's
work with it. A task that runs twice writes another file, and one of the two is used.
"""

import itertools
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
from pyarrow import fs
from pyspark.sql import SparkSession

from sparkgen.datasets.disks import on_disk
from sparkgen.datasets.storage import new_file, open_uri
from sparkgen.ingest.copies import by_split, compared, held_out
from sparkgen.ingest.deal import BLOCK_SCHEMA, Dealt, Filter, deal, encode_block
from sparkgen.ingest.layout import Layout, Summary
from sparkgen.ingest.source import Share
from sparkgen.ingest.write import WrittenFile, files_of, write_file
from sparkgen.tasks import run_each

GROUP_BYTES = 128 << 20  # of blocks that are dealt together; a task holds them about three times

Batches = Iterator[pa.RecordBatch]


class Group(NamedTuple):
    """Neighbouring blocks in one file, and the bytes in their columns."""

    uri: str
    bytes: int
    summaries: list[Summary]


class DealtGroup(NamedTuple):
    """The files of a group's dealt rows, a batch a task in each, and of the digests of those held out."""

    uris: list[str]
    held_out: str | None


class Target(NamedTuple):
    """The URIs of the folders for the version's files and temporary files, and the number of tasks."""

    folder: str
    scratch: str
    tasks: int


def parse(spark: SparkSession, shares: Sequence[Share], keep: Filter, scratch: str) -> list[Group]:
    """Parses all shares, one task per share, into groups of blocks."""

    def parse_share(share: Share) -> Iterator[Group]:
        blocks = (encode_block(block, keep) for block in share.blocks())
        yield from _write_groups(blocks, scratch)

    return run_each(spark, parse_share, shares)


def write(
    spark: SparkSession,
    groups: list[Group],
    layout: Layout,
    names: dict[str, list[str]],
    target: Target,
) -> list[WrittenFile]:
    """Assigns the records of all groups to the files of a layout, and writes these files.

    Args:
        spark: the session.
        groups: from `parse`.
        layout: made from their summaries.
        names: the file names of each source split, for the quarantine.
        target: where to.
    """
    splits = compared(layout)

    def dealt(uri: str) -> list[Dealt]:
        return [part for part in deal(_read_all(uri), layout, names, target.tasks) if part]

    def deal_group(uri: str) -> Iterator[DealtGroup]:
        parts = dealt(uri)
        uris = [_write_batches(some, target.scratch) for some in parts]
        held = held_out(itertools.chain(*parts), splits)
        yield DealtGroup(uris, _write_batches(held.to_batches(), target.scratch) if held else None)

    # What fits one task has no pass of its own: every writer picks its part itself.
    small = sum(group.bytes for group in groups) <= GROUP_BYTES
    blocks = [group.uri for group in groups]
    dealt_groups = [] if small else run_each(spark, deal_group, blocks)

    def write_files(task: int) -> Iterator[WrittenFile]:
        if small:
            parts = [some for uri in blocks for some in dealt(uri)]
            picked = [some[task] for some in parts]
            held = [held_out(itertools.chain(*parts), splits)]
        else:
            picked = [_read_part(uri, task) for group in dealt_groups for uri in group.uris]
            held = [_read_all(group.held_out) for group in dealt_groups if group.held_out]
        digests = by_split(held, splits)
        for rows in _tables(picked):
            for number, table in files_of(rows):
                yield write_file(target.folder, layout, number, table, digests)

    return sorted(run_each(spark, write_files, range(target.tasks)))


def _write_groups(blocks: Batches, scratch: str) -> Iterator[Group]:
    """Writes blocks to files of about `GROUP_BYTES`."""
    block = next(blocks, None)
    while block is not None:
        uri, size, summaries = _new_uri(scratch), 0, []
        with new_file(uri) as sink, pa.ipc.new_file(sink, BLOCK_SCHEMA) as file:
            while block is not None and size < GROUP_BYTES:
                file.write_batch(block)
                size += block.nbytes
                summaries.append(Summary.from_json(block.column("summary")[0].as_py()))
                block = next(blocks, None)
        yield Group(uri, size, summaries)


def _write_batches(batches: list[pa.RecordBatch], scratch: str) -> str:
    """Writes batches of one schema, at least one, to one file, and gives its URI."""
    uri = _new_uri(scratch)
    with new_file(uri) as sink, pa.ipc.new_file(sink, batches[0].schema) as file:
        for batch in batches:
            file.write_batch(batch)
    return uri


def _read_all(uri: str) -> pa.Table:
    with _open(uri) as source:
        return pa.ipc.open_file(source).read_all()


def _read_part(uri: str, task: int) -> pa.RecordBatch:
    with _open(uri) as source:
        return pa.ipc.open_file(source).get_batch(task)


def _tables(parts: list[pa.RecordBatch]) -> list[pa.Table]:
    """Parts with the same columns in one table."""
    alike: dict[tuple[str, ...], list[pa.RecordBatch]] = {}
    for part in parts:
        if part.num_rows:
            alike.setdefault(tuple(part.schema.names), []).append(part)
    return [pa.Table.from_batches(found) for found in alike.values()]


def _new_uri(scratch: str) -> str:
    return f"{scratch}/{uuid.uuid4().hex}.arrow"


def _open(uri: str) -> Any:
    """A file to read at any place; one on a disk in memory, not copied."""
    filesystem, path = open_uri(uri)
    if isinstance(filesystem, fs.LocalFileSystem) and on_disk(path):
        return pa.memory_map(path)
    return filesystem.open_input_file(path)
