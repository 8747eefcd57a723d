"""A million numbered lines of text to records: ours, and the library `tokenizers` alone.

python -m benchmarks.text_ingest [--data DIR] [--rounds N] [--quick]

The text is tinyshakespeare 25 times where it is, else made-up words, each line with its number. Ours
counts the text, makes the tokenizer, makes tokens, joins and cuts them, shuffles, hashes and writes
Parquet. (a) The library encodes the same lines with the tokenizer that ours made, on as many threads as
there are cores, and keeps nothing. With a fifth of the text ours takes a fifth of the time if it is
linear, and the greatest memory of a process of its Spark is told for both.
"""

import shutil
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.harness import Side, arguments, compare, report
from benchmarks.session import local_spark, scratch_folder

LINES = 1_000_000
BATCH = 20_000  # lines that the library encodes at a time: all at once would take gigabytes
KINDS: dict[str, dict[str, Any]] = {
    "characters": {"kind": "characters"},
    "words": {"kind": "words", "size": 8192},
    "bpe": {"kind": "bpe", "size": 2048},
}


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__, rounds=3)
    lines = LINES // 10 if options.quick else LINES
    with scratch_folder() as scratch, local_spark(scratch) as spark:
        whole = write_lines(Path(options.data) / "tinyshakespeare.txt", scratch / "a.txt", lines)
        part = write_lines(
            Path(options.data) / "tinyshakespeare.txt", scratch / "b.txt", lines // 5
        )
        cases = []
        for kind, tokenizer in KINDS.items():
            tell_memory(spark, part, whole, tokenizer, scratch)
            sides = [
                Side("sparkgen", partial(ours, spark, whole, tokenizer, scratch)),
                Side("(a) tokenizers", partial(alone, whole, scratch)),
                Side("a fifth of the text", partial(ours, spark, part, tokenizer, scratch / "b")),
            ]
            cases.append(compare(kind, sides, rows=lines, rounds=options.rounds))
        report("text ingest", *cases)


def write_lines(source: Path, target: Path, lines: int) -> Path:
    """A text of so many numbered lines."""
    if source.is_file():
        found = source.read_text().splitlines()
    else:
        found = [" ".join(f"word{n * k % 997}" for k in range(1, 8)) for n in range(40_000)]
    with target.open("w") as file:
        file.writelines(f"{n + 1} {found[n % len(found)]}\n" for n in range(lines))
    return target


def ours(spark: Any, source: Path, tokenizer: dict[str, Any], scratch: Path) -> None:
    """A dataset version with its manifest."""
    from sparkgen.config.dataset import DatasetConfig
    from sparkgen.ingest.ingest import ingest

    shutil.rmtree(scratch / "ours", ignore_errors=True)
    config = DatasetConfig.model_validate(
        {
            "name": "text",
            "source": {"format": "text", "train": str(source)},
            "record": "tokens",
            "tokenizer": tokenizer,
            "shape": [257],
        }
    )
    ingest(spark, config, datasets_uri=f"{scratch}/ours")


def alone(source: Path, scratch: Path) -> None:
    """The tokens of all lines, with the tokenizer of the version that ours has made."""
    from tokenizers import Tokenizer

    (path,) = (scratch / "ours").glob("*/*/tokenizer.json")
    tokenizer = Tokenizer.from_file(str(path))
    lines = source.read_text().splitlines(keepends=True)
    for first in range(0, len(lines), BATCH):
        tokenizer.encode_batch(lines[first : first + BATCH], add_special_tokens=False)


def tell_memory(
    spark: Any, part: Path, whole: Path, tokenizer: dict[str, Any], scratch: Path
) -> None:
    """Prints the greatest memory of a process of Spark's while a part and the whole are ingested."""
    for name, source in (("a fifth", part), ("the whole", whole)):
        with peak() as found:
            ours(spark, source, tokenizer, scratch)
        print(f"  {tokenizer['kind']}, {name}: {max(found) >> 20} MiB a worker", file=sys.stderr)


@contextmanager
def peak() -> Iterator[list[int]]:
    """The memory of each Python worker of this process in bytes, every 50 ms of a `with` block."""
    import psutil

    found, done = [0], threading.Event()

    def watch() -> None:
        own = psutil.Process()
        while not done.is_set():
            for child in own.children(recursive=True):
                try:
                    if "python" in child.name():
                        found.append(child.memory_info().rss)
                except psutil.Error:
                    continue
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield found
    finally:
        done.set()
        watcher.join()


if __name__ == "__main__":
    main()
