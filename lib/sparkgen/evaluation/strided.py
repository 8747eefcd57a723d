"""Measures a text by windows that overlap, so that every token is predicted after many.

Blocks that share a token with their neighbours have each token but the first once as the one to predict.
In such disjoint blocks a token at the start of a block has few before it. Strided, windows as long as a
block begin at every `stride` tokens, and of each but the first only the last `stride` count. There is one
for every `stride` tokens of the text, and each is measured twice: whole, and without those that count.

The tokens travel to the executors once; each task cuts its windows from them.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import Rows, batches_of, read_file
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.text_nats import STRIDED, of_text
from sparkgen.ingest.sources import joins_documents
from sparkgen.models.declared import EXACT
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkgen.models.contract import GenerativeModel

Tokens = npt.NDArray[Any]
Places = npt.NDArray[np.int64]
BATCHES = 16
"""Batches of windows that are measured one after the other."""


class Windows(NamedTuple):
    """The windows of texts, in the order of the texts, before they are cut."""

    tokens: Tokens
    """Of all texts, one after the other, and one padding at the end: (S + 1,)."""
    ends: Places
    """Where in them each text ends: (M,)."""
    last: Places
    """How many windows there are up to the last one of each text: (M,)."""
    length: int
    """Tokens of a window."""
    stride: int
    """From window to window."""

    def cut(self, first: int, stop: int) -> tuple[Tokens, Tokens]:
        """Windows [first, stop), (N, T), and the same without the tokens that count, padded."""
        number = np.arange(first, min(stop, int(self.last[-1])))
        text = np.searchsorted(self.last, number, side="right")
        begin, before = (np.append(0, edges)[text] for edges in (self.ends, self.last))
        step = number - before
        place = (begin + step * self.stride)[:, None] + np.arange(self.length)
        whole = self.tokens[np.where(place < self.ends[text][:, None], place, -1)]
        # The first window counts whole: nothing is predicted of its first token.
        counted = np.where(step == 0, 1, self.length - self.stride)
        heads = np.where(np.arange(self.length) < counted[:, None], whole, self.tokens[-1])
        return whole, heads


def strided_figures(
    spark: "SparkSession",
    packed: PortableModel,
    config: EvaluationConfig,
    *,
    version_uri: str,
    manifest: Manifest,
    partitions: int | None = None,
) -> dict[str, Figure]:
    """The figures of a text by strided windows, `strided_<name>`; none where no stride is set.

    Args:
        spark: the session.
        packed: a language model.
        config: which split, and the stride.
        version_uri: of the dataset version.
        manifest: of the dataset version, whose records are tokens.
        partitions: Spark's tasks; None: one for every 16 batches. The figures are the same for any.
    """
    if config.stride is None:
        return {}
    record, rows = manifest.spec.record, _rows(manifest, version_uri, config.split)
    joined = joins_documents(manifest.config)
    windows = windows_of(rows, config.stride, padding=record.values, joined=joined)
    size, count = BATCHES * config.batch_rows, int(windows.last[-1])
    shared = spark.sparkContext.broadcast((packed, windows))

    def measured(first: int) -> Iterator[float]:
        packed, windows = shared.value
        model = unpack(packed)
        whole, heads = (
            _exact_nats(model, some, config) for some in windows.cut(first, first + size)
        )
        yield math.fsum([*whole, *(-heads)])

    try:
        nats = math.fsum(run_each(spark, measured, range(0, count, size), tasks=partitions))
    finally:
        shared.unpersist()
    figure = Figure(
        value=nats,
        standard_error=None,
        protocol=f"in nats, {EXACT}, windows of {record.shape[0]} tokens at stride {config.stride}",
        rows=len(rows.id),
        dataset=manifest.name,
        dataset_version=manifest.version,
        split=config.split,
        seed=config.seed,
    )
    return of_text(nats, figure, manifest, STRIDED)


def _rows(manifest: Manifest, version_uri: str, split: str) -> Rows:
    files = manifest.split_files(version_uri, split)
    return Rows.concatenate([read_file(file, manifest.spec.record) for file in files])


def windows_of(rows: Rows, stride: int, *, padding: int, joined: bool) -> Windows:
    """The windows of the texts of some rows, in any order.

    Args:
        rows: one or more, of T tokens.
        stride: from window to window.
        padding: the number that is no token.
        joined: whether a row goes on with the text of the row whose id is the one before its own, from
            the last token of that; else each row is a text.
    """
    order = np.argsort(rows.id)
    blocks, goes_on = rows.data[order], joined & (np.diff(rows.id[order]) == 1)
    counted = blocks != padding
    counted[1:, 0] &= ~goes_on
    begins = np.concatenate([[True], ~goes_on])
    sizes = np.add.reduceat(counted.sum(axis=1), np.flatnonzero(begins))
    length = blocks.shape[1]
    numbers = 1 + -(-np.maximum(sizes - length, 0) // stride)
    tokens = np.append(blocks[counted], blocks.dtype.type(padding))
    return Windows(tokens, np.cumsum(sizes), np.cumsum(numbers), length, stride)


def _exact_nats(
    model: "GenerativeModel", tokens: Tokens, config: EvaluationConfig
) -> npt.NDArray[np.float64]:
    from sparkgen.evaluation.measure import exact_nats

    count = len(tokens)
    rows = Rows(np.arange(count), np.zeros(count, np.int32), tokens)
    parts = [exact_nats(model, some, config) for some in batches_of(rows, config.batch_rows)]
    return np.concatenate(parts)
