"""The feeds side by side: rows a second by pyarrow alone, and by Petastorm.

python -m benchmarks.feeds [--data DIR] [--rounds N] [--quick]

MNIST: one epoch of 60,000 rows in 16 files as `tf.data` batches of 128, as a training reads it. Small
files: the same rows in 10,000 files of 6, as arrays. Both in seconds of the clock, and of the processors.
Slow storage: the same rows in 100 files, each of which comes 20 ms late, as from object storage.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.data import mnist
from benchmarks.feed import BATCH, drain
from benchmarks.harness import Comparison, Side, arguments, compare, report
from benchmarks.session import local_spark, scratch_folder
from benchmarks.versions import Version, mnist_version
from sparkgen.datasets.files import FileEntry, StoredFile, digest
from sparkgen.datasets.rows import Split, open_split, read_rows
from sparkgen.feed import feeds
from sparkgen.feed.shards import read_in_order

OURS = "arrow"
FEEDS = (OURS, *(feed for feed in feeds.FEEDS if feed != OURS))
Clock = Callable[[], float]
LATE_SECONDS = 0.02


def main() -> None:
    """Runs the comparisons."""
    options = arguments(__doc__)
    for feed in FEEDS:  # before minutes of measuring
        feeds.choose_feed(feed)
    rows = 20_000 if options.quick else 60_000
    with scratch_folder() as scratch:
        with local_spark(scratch) as spark:
            version = mnist_version(spark, scratch, mnist(options.data, scratch, rows=rows))
        split = open_split(version.uri, version.manifest, "train")
        small, late = (cut(split, scratch / str(n), files=n) for n in (rows // 6, 100))
        late = late._replace(files=tuple(map(Late._make, late.files)))
        cases = {
            "MNIST": partial(batches, version),
            "MNIST, processor": partial(batches, version, clock=time.process_time),
            "small files": partial(shards, small),
            "small files, processor": partial(shards, small, clock=time.process_time),
            "slow storage": partial(shards, late),
        }
        compared = [side_by_side(case, cases[case], rows, options.rounds) for case in cases]
        report("feeds", *compared)


def side_by_side(case: str, read: Any, rows: int, rounds: int) -> Comparison:
    """What `read(feed)` takes by each feed, ours first."""
    sides = [Side(feed, partial(read, feed)) for feed in FEEDS]
    return compare(case, sides, rows=rows, rounds=rounds)


def batches(version: Version, feed: str, clock: Clock = time.perf_counter) -> float:
    """Seconds of one epoch of batches, whose shards are decoded anew."""
    from sparkgen.feed.reader import training_batches

    uri, manifest = version
    read = partial(training_batches, uri, manifest, batch_size=BATCH, epochs=1, noise={}, feed=feed)
    start = clock()
    drain(read(seed=0, rank=0, size=1))
    return clock() - start


def shards(split: Split, feed: str, clock: Clock = time.perf_counter) -> float:
    """Seconds to read all shards of a split, in order."""
    start = clock()
    for _ in read_in_order(split, range(len(split.files)), feed=feeds.load_feed(feed)):
        pass
    return clock() - start


def cut(split: Split, folder: Path, *, files: int) -> Split:
    """The same rows in another number of files, which are written as an ingest writes them."""
    rows, written = read_rows(split), []
    (folder / "train").mkdir(parents=True)
    for number, part in enumerate(np.array_split(np.arange(len(rows.id)), files)):
        some = rows.take(part)
        columns = [pa.array(some.id), pa.array(some.label), split.record.encode(some.data)]
        path = folder / "train" / f"part-{number:05d}.parquet"
        pq.write_table(
            pa.table(columns, schema=split.record.schema),
            path,
            compression="snappy",
            use_dictionary=False,
            write_statistics=False,
        )
        data = path.read_bytes()
        entry = FileEntry(
            path=f"train/{path.name}", rows=len(part), bytes=len(data), sha256=digest(data)
        )
        written.append(StoredFile(str(folder), entry, ""))
    return split._replace(files=tuple(written))


class Late(StoredFile):
    """A file that comes late, as one from object storage."""

    def read(self) -> pa.Buffer:
        """All bytes of the file."""
        time.sleep(LATE_SECONDS)
        return super().read()


if __name__ == "__main__":
    main()
