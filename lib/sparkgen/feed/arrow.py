"""The feed of pyarrow: threads read shards, each whole, up to eight files ahead.

A file is decoded from the memory in which it was held to its SHA-256. While a thread waits for storage,
hashes, or decodes, the others go on: Python's lock is held for none of these.
"""

from collections.abc import Generator, Sequence

from sparkgen.datasets.rows import Rows, Split, read_file

WINDOW = 1
AHEAD = 8
THREADS = 4


def open_shards(split: Split, shards: Sequence[int]) -> Generator[Rows, None, None]:
    """Reads the files of some shards; see `feeds.Feed`.

    Raises:
        ManifestError: a file is missing, or is not as the manifest says.
    """
    read = [read_file(split.files[shard], split.record) for shard in shards]
    return (rows for rows in read)
