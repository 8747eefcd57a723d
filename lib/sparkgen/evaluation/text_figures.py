"""Computes the figures of texts that a language model made, beside those of held-out text.

| figure | what it says |
| --- | --- |
| `distinct_1`, `_2`, `_3` | different runs of n words among all of them (Li et al., 2016) |
| `repetition` | runs of 4 words that stand in the same text before (Welleck et al., 2020), a share |
| `longest_run` | mean bytes of a text's longest run that stands in a training record |
| `memorised` | the share of texts whose longest run is longer than that of every held-out piece |

Each has a companion `<name>_held_out` for pieces of the evaluated split as long as the texts;
`memorised` is a comparison with them. Words are what blanks separate.
"""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.files import StoredFile, check_sizes
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.records import Record, TextRecord, TokenRecord
from sparkgen.datasets.rows import Rows, read_file
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.verbatim import SHORTEST, longest_runs
from sparkgen.noise import Stream, generator
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

NAMES = ("distinct_1", "distinct_2", "distinct_3", "repetition", "longest_run")
TEXT_FIGURES = {*NAMES, *(f"{name}_held_out" for name in NAMES), "memorised"}
"""The names of all figures."""
LEAST_PIECES = 500
"""Held-out pieces are at least as many: the longest run of a few of them says little."""
REPEATED = 4
"""Words of a run that is looked for in the same text."""
BETWEEN = b"\xff"
"""A byte between records that stands in no UTF-8."""


class Made(NamedTuple):
    """Texts of a model: what it added to its prompts."""

    texts: list[str]
    prompts: str
    """In words, what was given."""


def text_figures(
    spark: "SparkSession",
    made: Made,
    config: EvaluationConfig,
    *,
    version_uri: str,
    manifest: Manifest,
) -> dict[str, Figure]:
    """The figures of texts, by name.

    Args:
        spark: the session.
        made: the texts.
        config: the split held against them, and the seed that cuts it.
        version_uri: of the dataset version, on storage that all executors share.
        manifest: of the dataset version, whose records are tokens.

    Raises:
        ManifestError: no such split, or a file is missing or damaged.
    """
    held_out = manifest.split_files(version_uri, config.split)
    train = manifest.split_files(version_uri, "train")
    check_sizes([*held_out, *train])
    record = manifest.spec.record
    count = len(made.texts)
    lengths = [len(text) for text in made.texts] * -(-LEAST_PIECES // count)
    pieces = _pieces(held_out, record, lengths, seed=config.seed)
    runs = _longest(spark, [*made.texts, *pieces], train, record)
    values = {**_of_words(made.texts), "longest_run": float(runs[:count].mean())}
    beside = {**_of_words(pieces), "longest_run": float(runs[count:].mean())}
    values |= {f"{name}_held_out": value for name, value in beside.items()}
    values["memorised"] = float((runs[:count] > runs[count:].max()).mean())
    how = f"{made.prompts}, {len(pieces)} held-out pieces of the same lengths beside them"
    return {
        name: Figure(
            value=value,
            standard_error=None,
            protocol=f"{_protocol(name)}, {how}",
            rows=count,
            dataset=manifest.name,
            dataset_version=manifest.version,
            split=config.split,
            seed=config.seed,
        )
        for name, value in values.items()
    }


def distinct(texts: Sequence[str], words: int) -> float:
    """The number of different runs of some words over that of all, in all texts; 0: there are none."""
    runs = [run for text in texts for run in _runs(text, words)]
    return len(set(runs)) / len(runs) if runs else 0.0


def repetition(texts: Sequence[str]) -> float:
    """The mean share of a text's runs of 4 words that it had before."""
    shares = [1 - len(set(runs)) / len(runs) for text in texts if (runs := _runs(text, REPEATED))]
    return float(np.mean(shares)) if shares else 0.0


def _runs(text: str, words: int) -> list[tuple[str, ...]]:
    found = text.split()
    return list(zip(*(found[start:] for start in range(words)), strict=False))


def _of_words(texts: Sequence[str]) -> dict[str, float]:
    several = {f"distinct_{n}": distinct(texts, n) for n in (1, 2, 3)}
    return {**several, "repetition": repetition(texts)}


def _protocol(name: str) -> str:
    if name.startswith("distinct"):
        return "share of different runs of words"
    if name.startswith("repetition"):
        return f"share of runs of {REPEATED} words that repeat"
    if name == "memorised":
        return "share with a longer run of a training record than any held-out piece"
    return f"bytes, of {SHORTEST} or more, in one training record"


def _pieces(
    files: Sequence[StoredFile], record: Record, lengths: Sequence[int], *, seed: int
) -> list[str]:
    """Pieces of held-out text with some numbers of characters, from places that the seed chooses."""
    text = _joined(Rows.concatenate([read_file(file, record) for file in files]), record)
    random = generator(seed, Stream.EVALUATE, "pieces")
    starts = [int(random.integers(max(1, len(text) - length + 1))) for length in lengths]
    return [text[start : start + n] for start, n in zip(starts, lengths, strict=True)]


def _joined(rows: Rows, record: Record) -> str:
    """The text of rows in the order of their ids; a row begins with the last token of the one before."""
    order = np.argsort(rows.id)
    follows = np.diff(rows.id[order], prepend=-2) == 1
    blocks = [
        block[1:] if on else block for block, on in zip(rows.data[order], follows, strict=True)
    ]
    tokens = np.concatenate(blocks)
    if isinstance(record, TokenRecord) and record.padding is not None:
        tokens = tokens[tokens != record.padding]
    return str(_texts(tokens[None], record)[0])


def _texts(blocks: npt.NDArray[Any], record: Record) -> npt.NDArray[Any]:
    if record.tokenizer is not None:
        return TextRecord(tokenizer=record.tokenizer).to_stored(blocks)
    return np.array([bytes(b.astype(np.uint8)).decode(errors="replace") for b in blocks], object)


def _longest(
    spark: "SparkSession", texts: Sequence[str], files: Sequence[StoredFile], record: Record
) -> npt.NDArray[np.int64]:
    """The longest run of each text in a training record, in bytes of UTF-8: (N,)."""
    queries = spark.sparkContext.broadcast([text.encode() for text in texts])

    def in_file(file: StoredFile) -> Iterator[npt.NDArray[np.int64]]:
        blocks = _texts(read_file(file, record).data, record)
        yield longest_runs(BETWEEN.join(text.encode() for text in blocks), queries.value)

    try:
        return np.max(run_each(spark, in_file, files), axis=0)
    finally:
        queries.unpersist()
