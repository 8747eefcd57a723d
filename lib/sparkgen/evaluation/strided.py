"""Measures a text by windows that overlap, so that every token is predicted after many.

Blocks that share a token with their neighbours have each token but the first once as the one to predict.
In such disjoint blocks a token at the start of a block has few before it. Strided, windows as long as a
block begin at every `stride` tokens, and of each but the first only the last `stride` count. There is one
for every `stride` tokens of the text, and each is measured twice: whole, and without those that count.
"""

import math
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import Rows, batches_of, read_file
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.text_nats import STRIDED, of_text
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack
from sparkgen.tasks import run_each

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

    from sparkgen.models.contract import GenerativeModel

Tokens = npt.NDArray[Any]
BATCHES = 16
"""Batches of windows that are measured in a task."""


def strided_figures(
    spark: "SparkSession",
    packed: PortableModel,
    config: EvaluationConfig,
    *,
    version_uri: str,
    manifest: Manifest,
) -> dict[str, Figure]:
    """The figures of a text by strided windows, `strided_<name>`; none where no stride is set.

    Args:
        spark: the session.
        packed: a language model.
        config: which split, and the stride.
        version_uri: of the dataset version.
        manifest: of the dataset version, whose records are tokens.
    """
    if config.stride is None:
        return {}
    record = manifest.spec.record
    files = manifest.split_files(version_uri, config.split)
    rows = Rows.concatenate([read_file(file, record) for file in files])
    order = np.argsort(rows.id)
    padding = record.values
    whole, heads = windows(rows.id[order], rows.data[order], config.stride, padding=padding)
    size = BATCHES * config.batch_rows
    shared = spark.sparkContext.broadcast((packed, whole, heads))

    def measured(first: int) -> Iterator[float]:
        packed, *parts = shared.value
        model = unpack(packed)
        some = [_exact_nats(model, part[first : first + size], config) for part in parts]
        yield math.fsum([*some[0], *(-some[1])])

    try:
        nats = math.fsum(run_each(spark, measured, range(0, len(whole), size)))
    finally:
        shared.unpersist()
    figure = Figure(
        value=nats,
        standard_error=None,
        protocol=f"in nats, exact, windows of {record.shape[0]} tokens at stride {config.stride}",
        rows=len(rows.id),
        dataset=manifest.name,
        dataset_version=manifest.version,
        split=config.split,
        seed=config.seed,
    )
    return of_text(nats, figure, manifest, STRIDED)


def windows(
    ids: npt.NDArray[np.int64], blocks: Tokens, stride: int, *, padding: int
) -> tuple[Tokens, Tokens]:
    """The windows of texts, (N, T), and the same without the tokens that count, padded.

    Args:
        ids: of the blocks, rising: (M,).
        blocks: (M, T). One whose id follows on that of the one before, and whose first token is the
            last one of that, goes on with its text.
        stride: from window to window.
        padding: the number that is no token.
    """
    goes_on = (np.diff(ids) == 1) & (blocks[1:, 0] == blocks[:-1, -1]) & (blocks[1:, 0] != padding)
    found = [
        _windows_of(some, stride, padding)
        for some in np.split(blocks, np.flatnonzero(~goes_on) + 1)
        if len(some)
    ]
    whole, heads = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return whole, heads


def _windows_of(blocks: Tokens, stride: int, padding: int) -> tuple[Tokens, Tokens]:
    """The windows of one text, of blocks that share a token each, and their heads."""
    length = blocks.shape[1]
    text = np.concatenate([blocks[0], *blocks[1:, 1:]])
    text = text[text != padding]
    more = -(-max(len(text) - length, 0) // stride)
    filled = np.concatenate([text, np.full(length + stride, padding, text.dtype)])
    whole = filled[np.arange(more + 1)[:, None] * stride + np.arange(length)]
    heads = whole.copy()
    heads[0, 1:] = padding  # the first window counts whole: nothing is predicted of its first token
    heads[1:, length - stride :] = padding
    return whole, heads


def _exact_nats(
    model: "GenerativeModel", tokens: Tokens, config: EvaluationConfig
) -> npt.NDArray[np.float64]:
    from sparkgen.evaluation.measure import exact_nats

    count = len(tokens)
    rows = Rows(np.arange(count), np.zeros(count, np.int32), tokens)
    parts = [exact_nats(model, some, config) for some in batches_of(rows, config.batch_rows)]
    return np.concatenate(parts)
