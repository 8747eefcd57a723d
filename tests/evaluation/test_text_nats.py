"""What a text costs a model, in blocks and by strided windows."""

import math
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession
from versions import write_split, write_version

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.config.tokenizer import TokenizerSection
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.datasets.rows import Rows
from sparkgen.datasets.vocabulary import CHARACTER, of_names
from sparkgen.errors import RequestError
from sparkgen.evaluation.evaluate import evaluate
from sparkgen.evaluation.strided import Windows, strided_figures, windows_of
from sparkgen.evaluation.text_nats import check_stride, text_names
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import pack
from sparkgen.models.saving import save_model

LENGTH, PADDING = 9, 99


def blocks_of(text: np.ndarray, length: int, padding: int) -> np.ndarray:
    """The blocks of a text at stride `length - 1`, the last one padded."""
    count = -(-(len(text) - 1) // (length - 1))
    filled = np.concatenate([text, np.full(length, padding, text.dtype)])
    return np.stack([filled[n * (length - 1) :][:length] for n in range(count)])


def laid_out(ids: list[int], blocks: np.ndarray, stride: int, *, joined: bool) -> Windows:
    rows = Rows(np.array(ids), np.zeros(len(ids), np.int32), blocks)
    return windows_of(rows, stride, padding=PADDING, joined=joined)


@pytest.mark.parametrize("stride", [1, 3, 4, 8])
@pytest.mark.parametrize("size", [5, 9, 17, 30])
def test_every_token_but_the_first_counts_once_after_as_many_as_fit(stride: int, size: int) -> None:
    blocks = blocks_of(np.arange(size), LENGTH, PADDING)
    windows = laid_out([*range(len(blocks))], blocks, stride, joined=True)
    whole, heads = windows.cut(0, int(windows.last[-1]))
    counted = []
    for window, head in zip(whole, heads, strict=True):
        for place in range(1, LENGTH):
            if window[place] != PADDING and head[place] == PADDING:
                counted.append(window[place])
                assert place >= min(window[place], LENGTH - stride)
    assert sorted(counted) == list(range(1, size))


def test_windows_are_the_same_however_they_are_divided() -> None:
    blocks = np.stack([np.arange(9) + 8 * n for n in (0, 1, 2, 5, 6, 9)])
    windows = laid_out([0, 1, 2, 5, 6, 9], blocks, 3, joined=True)
    count = int(windows.last[-1])
    assert windows.ends.tolist() == [25, 42, 51]
    assert windows.last.tolist() == [7, 11, 12]
    for size in (1, 5, 100):
        parts = [windows.cut(first, first + size) for first in range(0, count, size)]
        for found, expected in zip(zip(*parts, strict=True), windows.cut(0, count), strict=True):
            np.testing.assert_array_equal(np.concatenate(found), expected)


def test_blocks_go_on_where_documents_are_joined_and_no_block_is_missing() -> None:
    blocks = np.array([[4, 5, PADDING], [0, 1, 2], [2, 3, 4]])
    windows = laid_out([3, 0, 1], blocks, 1, joined=True)
    assert windows.tokens.tolist() == [0, 1, 2, 3, 4, 4, 5, PADDING]
    whole, _ = windows.cut(0, 9)
    assert whole.tolist() == [[0, 1, 2], [1, 2, 3], [2, 3, 4], [4, 5, PADDING]]


def test_documents_of_their_own_are_not_joined_though_one_ends_as_the_next_begins() -> None:
    blocks = np.array([[0, 1, 2], [2, 3, 4], [PADDING, PADDING, PADDING]])
    whole, heads = laid_out([0, 1, 2], blocks, 1, joined=False).cut(0, 9)
    assert whole.tolist() == blocks.tolist()
    assert (heads[:, 1:] == PADDING).all()


def test_strided_figures_are_those_of_one_long_block(spark: SparkSession, tmp_path: Path) -> None:
    text = "the cat sat on the mat and the dog sat on the cat and the mat "
    tokenizer = of_names(
        sorted(set(text)), CHARACTER, TokenizerSection(kind="characters"), end=False
    )
    record = TokenRecord((LENGTH,), tokenizer.size, tokenizer)
    tokens = tokenizer.encode(text * 4)
    blocks = blocks_of(tokens, LENGTH, record.values).astype(record.dtype)
    count = len(blocks)
    order = np.random.default_rng(0).permutation(count)
    rows = {"ids": order, "labels": np.zeros(count, np.int32), "data": blocks[order]}
    splits = {s: write_split(tmp_path, s, record, files=3, **rows) for s in ("train", "test")}
    config = {"source": {"format": "text", "train": "the.txt", "tokenizer_sha256": "0"}}
    manifest = write_version(tmp_path, record, splits, class_names=("all",), config=config)
    sizes = {"tokens": len(tokens) - 1, "characters": len(tokens) - 1, "bytes": len(tokens) - 1}
    manifest = manifest.model_copy(update={"texts": {"test": sizes}})
    for number in (2, 5):
        model = build_model("language.ngram", {"order": number}, DataSpec(record, 1))
        batch = {"tokens": blocks.astype(np.int32), "weight": np.ones(count)}
        model.fit_statistics(model.statistics(batch))
        folder = tmp_path / f"{number}"
        save_model(folder, model, name="language.ngram", options={"order": number})
        asked = EvaluationConfig(batch_rows=4, stride=3)
        where = {"version_uri": str(tmp_path), "manifest": manifest}
        found = evaluate(spark, pack(folder), asked, **where, partitions=1)
        again = strided_figures(spark, pack(folder), asked, **where)
        assert again == {name: found[name] for name in again} != {}
        plain, strided = found["nats_per_character"], found["strided_nats_per_character"]
        # Windows have all that these runs need before each token, as one long block has.
        log_p, _ = model.token_log_probabilities({"tokens": tokens[None]})
        assert strided.value == pytest.approx(-np.mean(log_p), rel=1e-5)
        if number == 2:
            assert strided.value == pytest.approx(plain.value, rel=1e-5)
        else:
            assert strided.value < 0.9 * plain.value
        assert found["strided_perplexity"].value == pytest.approx(math.exp(strided.value))
        assert found["strided_bits_per_byte"].value == pytest.approx(strided.value / math.log(2))
        assert "windows of 9 tokens at stride 3" in strided.protocol
        assert {n for n in found if n.startswith("strided_")} < text_names(model, stride=3)
        check_stride(model, 8)
        with pytest.raises(RequestError, match=r"evaluation\.stride up to 8"):
            check_stride(model, 9)


def test_a_stride_is_refused_for_what_is_no_text() -> None:
    spec = DataSpec(ImageRecord((8, 8, 1)), 10)
    model = build_model("autoregressive.naive_bayes", {}, spec)
    check_stride(model, None)
    with pytest.raises(
        RequestError, match=r"no evaluation\.stride for a model that is no language"
    ):
        check_stride(model, 3)
    assert text_names(model, stride=None) == set()
