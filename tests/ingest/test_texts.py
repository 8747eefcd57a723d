"""Texts as records of tokens: every token is there, once; nobody sees how many tasks cut them."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import read_manifest
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.tokens import TokenRecord
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.block import Bad, Block
from sparkgen.ingest.ingest import ingest
from sparkgen.ingest.source import Work
from sparkgen.ingest.sources import source_of
from sparkgen.ingest.texts import chain, chunk, learn, parts

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}


def config(
    train: Path | str, source: dict[str, Any] | None = None, **changes: Any
) -> DatasetConfig:
    values = {
        "name": "letters",
        "record": "tokens",
        "shape": [5],
        "lanes": 1,
        "validation_fraction": 0.0,
        "tokenizer": {"kind": "characters"},
        **changes,
    }
    keys = {"format": "text", "train": str(train), **(source or {})}
    return DatasetConfig.model_validate({"source": keys, **values})


class Made:
    """The blocks of a dataset, made on this machine without Spark."""

    def __init__(self, dataset: DatasetConfig, scratch: Path, tasks: int = 1) -> None:
        source = source_of(dataset)
        files = source.files(dataset)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(learn, "active_session", lambda: None)  # here, not on executors
            self.work: Work = source.shares(dataset, files, tasks=tasks, scratch=str(scratch))
        found = [block for share in self.work.shares for block in share.blocks()]
        self.blocks: list[Block] = sorted(found, key=lambda b: b[:3])
        assert len({b[:3] for b in self.blocks}) == len(self.blocks)
        assert isinstance(self.work.record, TokenRecord)
        self.record = self.work.record

    @property
    def tokenizer(self) -> Tokenizer:
        assert self.record.tokenizer is not None
        return self.record.tokenizer

    def data(self, split: str = "train") -> np.ndarray:
        empty = np.zeros((0, self.record.size), self.record.dtype)
        return np.concatenate([empty, *(b.records.data for b in self.blocks if b.split == split)])

    def labels(self, split: str = "train") -> list[int]:
        return [n for b in self.blocks if b.split == split for n in b.records.labels.tolist()]

    def tokens(self, split: str = "train") -> np.ndarray:
        """The tokens of joined records, each once."""
        rows = self.data(split)
        flat = np.concatenate([rows[:1, 0], rows[:, 1:].reshape(-1)]) if len(rows) else rows[:, 0]
        return flat[flat != self.record.padding]

    def text(self, split: str = "train") -> str:
        return self.tokenizer.decode(self.tokens(split))

    def texts(self, split: str = "train") -> list[str]:
        return [self.tokenizer.decode(row[row != self.record.padding]) for row in self.data(split)]

    @property
    def bad(self) -> list[Bad]:
        return [bad for block in self.blocks for bad in block.records.bad]

    @property
    def reasons(self) -> list[str]:
        return [bad.reason for bad in self.bad]


@given(st.binary(max_size=300), st.integers(1, 40))
def test_a_stream_and_a_file_have_the_same_parts(data: bytes, size: int) -> None:
    file = pa.BufferReader(data)
    count = -(-len(data) // size) + 1
    placed = [parts.read_part(file, number, size) for number in range(count)]
    streamed = list(parts.part_blocks(io.BytesIO(data), size))
    assert b"".join(placed) == b"".join(streamed) == data
    assert streamed[-1] == b""
    assert [p for p in placed if p] == [p for p in streamed if p]


@pytest.mark.parametrize(
    ("text", "size", "first"),
    [
        (b"aaaa bbbb\n\ncccc\ndddd eeee", 12, b"aaaa bbbb\n\ncccc\n"),
        (b"aaaa bbbb\n\ncccc dddd\n\neee", 12, b"aaaa bbbb\n\ncccc dddd\n"),
        (b"aaaa bbbb cccc dddd eeee", 12, b"aaaa bbbb cccc "),
        ("é".encode() * 20, 13, "é".encode() * 7),
    ],
)
def test_a_text_is_cut_between_lines_or_words_or_characters(
    text: bytes, size: int, first: bytes
) -> None:
    assert next(parts.part_blocks(io.BytesIO(text), size)) == first


@pytest.mark.parametrize("suffix", PACK)
@pytest.mark.parametrize("size", [3, 5, 6, 400, 1000])
def test_no_number_of_tasks_changes_the_records(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, suffix: str, size: int
) -> None:
    monkeypatch.setattr(chunk, "CHUNK_BYTES", 64)
    monkeypatch.setattr(chain, "BLOCK_RECORDS", 7)
    letters = np.random.default_rng(size).choice(list("ab \né😀"), size)
    text = ("ab" + "".join(letters))[:size]
    (tmp_path / f"text{suffix}").write_bytes(PACK[suffix](text.encode()))
    dataset = config(tmp_path / f"text{suffix}")
    made = [Made(dataset, tmp_path / f"scratch{tasks}", tasks) for tasks in (1, 2, 7)]
    for one in made:
        assert one.text() == text
        assert one.tokenizer == made[0].tokenizer
        np.testing.assert_array_equal(one.data(), made[0].data())
    assert len(made[0].data()) == max(1, -(-(size - 1) // 4))
    assert made[0].tokenizer.end is None


def test_neighbours_share_a_token_and_the_last_record_is_padded(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("abcdefg")
    made = Made(config(tmp_path / "a", shape=[4]), tmp_path / "s")
    assert made.data().tolist() == [[0, 1, 2, 3], [3, 4, 5, 6]]
    made = Made(config(tmp_path / "a", shape=[6]), tmp_path / "t")
    assert made.data().tolist() == [[0, 1, 2, 3, 4, 5], [5, 6, 7, 7, 7, 7]]
    assert made.record.padding == made.record.values == 7


@pytest.mark.parametrize("documents", ["file", "all", "line"])
def test_documents_end_with_a_token_where_they_are_joined(tmp_path: Path, documents: str) -> None:
    (tmp_path / "a.txt").write_text("ab\ncd\n")
    (tmp_path / "b.txt").write_bytes(b"ef\r\n")
    made = Made(config(f"{tmp_path}/*.txt", {"documents": documents}), tmp_path / "s")
    end = "<|endoftext|>"
    assert (
        made.text()
        == {
            "file": f"ab\ncd\n{end}ef\r\n{end}",
            "all": "ab\ncd\nef\r\n",
            "line": f"ab{end}cd{end}ef{end}",
        }[documents]
    )
    assert made.work.documents == {"train": {"file": 2, "all": 1, "line": 3}[documents]}


def test_the_end_of_a_text_is_held_out_to_the_character(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "CHUNK_BYTES", 16)
    text = "".join(f"line {n} é\n" for n in range(40))
    (tmp_path / "a").write_text(text)
    shares = {"test_fraction": 0.25, "validation_fraction": 0.1}
    tokenizer = {"kind": "characters", "unknown": True}
    made = Made(config(tmp_path / "a", tokenizer=tokenizer, **shares), tmp_path / "s")
    test = -(-len(text) // 4)
    validation = -(-(len(text) - test) // 10)
    cuts = [len(text) - test - validation, len(text) - test]
    assert made.text("train") == text[: cuts[0]]
    assert made.text("validation") == text[cuts[0] : cuts[1]]
    assert made.text("test") == text[cuts[1] :]
    assert made.work.divided


def test_random_documents_are_held_out_whole_and_by_the_seed(tmp_path: Path) -> None:
    lines = [f"text {n} of all" for n in range(50)]
    (tmp_path / "a").write_text("\n".join(lines))
    source = {"documents": "line", "blocks": False}
    values = {"shape": [24], "test_fraction": 0.2, "validation_fraction": 0.25}
    tokenizer = {"kind": "characters", "end": False, "unknown": True}
    found = []
    for seed, tasks in ((0, 1), (0, 3), (1, 1)):
        dataset = config(tmp_path / "a", source, seed=seed, tokenizer=tokenizer, **values)
        made = Made(dataset, tmp_path / f"s{seed}{tasks}", tasks)
        found.append({split: made.texts(split) for split in ("train", "validation", "test")})
    assert {split: len(texts) for split, texts in found[0].items()} == {
        "train": 30, "validation": 10, "test": 10
    }  # fmt: skip
    assert found[0] == found[1]
    assert found[0] != found[2]
    assert sorted(text for texts in found[0].values() for text in texts) == sorted(lines)


def test_the_last_documents_can_be_held_out(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("".join(f"{n}\n" for n in range(10)))
    source = {"documents": "line", "blocks": False, "held_out": "end"}
    tokenizer = {"kind": "characters", "end": False, "unknown": True}
    made = Made(config(tmp_path / "a", source, test_fraction=0.2, tokenizer=tokenizer), tmp_path)
    assert made.texts("train") == [str(n) for n in range(8)]
    assert len(made.texts("test")) == 2


def test_whole_files_can_be_held_out(tmp_path: Path) -> None:
    for name in "abcde":
        (tmp_path / f"{name}.txt").write_text(name * 3)
    dataset = config(
        f"{tmp_path}/*.txt", test_fraction=0.4, tokenizer={"kind": "characters", "unknown": True}
    )
    made = Made(dataset, tmp_path / "s")
    assert made.work.documents == {"train": 3, "test": 2}
    assert len(made.tokens("train")) == 12
    assert len(made.tokens("test")) == 8


def test_what_is_no_text_goes_to_quarantine_with_a_reason(tmp_path: Path) -> None:
    lines = [b"good", b"bro\xffken", b"nul\0", b"x" * 50, b"", b"also good"]
    (tmp_path / "a").write_bytes(b"\n".join(lines))
    made = Made(
        config(
            tmp_path / "a", {"documents": "line", "most_bytes": 20, "blocks": False}, shape=[20]
        ),
        tmp_path / "s",
    )
    assert [(b.position, b.reason) for b in made.bad] == [
        (1, "not-utf-8"), (2, "nul-byte"), (3, "too-long")
    ]  # fmt: skip
    assert made.texts() == ["good<|endoftext|>", "also good<|endoftext|>"]
    assert made.work.unused == {"empty-document": 1}


def test_of_a_text_in_parts_the_lines_with_bad_bytes_are_bad(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"one\nbro\xffken\ntwo\nnul\0\nthree")
    made = Made(config(tmp_path / "a"), tmp_path / "s")
    assert made.text() == "one\ntwo\nthree"
    assert [(b.position, b.reason, b.record) for b in made.bad] == [
        (1, "not-utf-8", b"bro\xffken\n"), (3, "nul-byte", b"nul\0\n")
    ]  # fmt: skip
    assert sum(b.records.documents or 0 for b in made.blocks) == 2


def test_a_character_that_training_lacks_costs_its_line_or_document(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("abc\n\nabc")
    (tmp_path / "test.txt").write_text("ab\naΩ\ncb")
    test = {"test": f"{tmp_path}/test.txt"}
    made = Made(config(tmp_path / "train.txt", test), tmp_path / "s")
    assert made.text("test") == "ab\ncb"
    assert [(b.position, b.reason) for b in made.bad] == [(1, "unknown-character-U+03A9")]
    lines = {**test, "documents": "line", "blocks": False}
    made = Made(config(tmp_path / "train.txt", lines), tmp_path / "t")
    assert made.texts("test") == ["ab<|endoftext|>", "cb<|endoftext|>"]
    assert [(b.position, b.reason) for b in made.bad] == [(1, "unknown-character-U+03A9")]
    tokenizer = {"kind": "characters", "unknown": True}
    made = Made(config(tmp_path / "train.txt", test, tokenizer=tokenizer), tmp_path / "u")
    assert made.text("test") == "ab\na<unk>\ncb"


def test_a_byte_order_mark_is_no_text(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfabc")
    assert Made(config(tmp_path / "a"), tmp_path / "s").text() == "abc"


def test_texts_are_brought_into_a_form_of_unicode(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("e\u0301 ﬁ x")
    for form, text in (("none", "e\u0301 ﬁ x"), ("NFC", "é ﬁ x"), ("NFKC", "é fi x")):
        tokenizer = {"kind": "characters", "unicode": form}
        made = Made(config(tmp_path / "a", tokenizer=tokenizer), tmp_path / form)
        assert made.text() == text


@pytest.mark.parametrize(("separator", "between"), [(None, "  "), ("\t", "\t"), (" | ", " | ")])
def test_labelled_lines_are_a_record_each(
    tmp_path: Path, separator: str | None, between: str
) -> None:
    lines = [f"1{between}good one", f"0{between}a bad one indeed", "nothing", f"1{between}fine"]
    (tmp_path / "a").write_text("\n".join(lines))
    source = {"format": "labelled_text", "separator": separator}
    made = Made(
        config(tmp_path / "a", source, shape=[9], class_names=["bad", "good"]), tmp_path / "s"
    )
    assert made.texts() == ["good one", "a bad one", "fine"]
    assert made.labels() == [1, 0, 1]
    assert made.work.class_names == ("bad", "good")
    assert made.reasons == ["no-label"]
    assert [b.records.seen for b in made.blocks] == [{"cut-text": 1}]


def test_labels_can_be_names_and_a_validation_file_is_a_split(tmp_path: Path) -> None:
    (tmp_path / "train.txt").write_text("yes aa\nno bb\n")
    (tmp_path / "dev.txt").write_text("no ab\nmaybe b\n")
    source = {"format": "labelled_text", "validation": f"{tmp_path}/dev.txt"}
    dataset = config(tmp_path / "train.txt", source, class_names=["no", "yes"], shape=[2])
    made = Made(dataset.model_copy(update={"validation_fraction": 0.5}), tmp_path / "s")
    assert (made.texts("train"), made.labels("train")) == (["aa", "bb"], [1, 0])
    assert (made.texts("validation"), made.labels("validation")) == (["ab"], [0])
    assert made.reasons == ["unknown-label"]


def test_json_lines_have_texts_in_a_field(tmp_path: Path) -> None:
    rows = [{"t": "a\nb", "c": "x"}, {"t": "", "c": "x"}, {"c": "x"}, {"t": 3, "c": "y"}]
    rows += [{"t": "b", "c": None}, {"t": "\0", "c": "x"}, {"t": "\ud800", "c": "x"}]
    rows += [{"t": "ba", "c": "y"}]
    text = "\n".join([*map(json.dumps, rows), "{", "[1]"])
    (tmp_path / "a.jsonl.gz").write_bytes(gzip.compress(text.encode()))
    source = {"format": "json_lines", "text": "t", "label": "c"}
    made = Made(config(tmp_path / "a.jsonl.gz", source), tmp_path / "s")
    assert made.texts() == ["a\nb", "ba"]
    assert made.labels() == [0, 1]
    assert made.reasons == [
        "no-text", "not-text", "no-label", "nul-byte", "not-utf-8", "not-json", "not-an-object"
    ]  # fmt: skip
    del source["label"]
    made = Made(config(tmp_path / "a.jsonl.gz", source), tmp_path / "t")
    assert made.text() == "a\nb<|endoftext|>b<|endoftext|>ba<|endoftext|>"


def test_a_column_of_a_table_has_texts(tmp_path: Path) -> None:
    texts = ["ab", None, "", "ba\n", "x" * 30]
    table = pa.table({"say": texts, "mood": ["p", "q", "p", "q", "p"]})
    pq.write_table(table, tmp_path / "a.parquet", row_group_size=2)
    source = {"format": "table", "text": "say", "label": "mood", "most_bytes": 20}
    made = Made(config(tmp_path / "a.parquet", source), tmp_path / "s")
    assert (made.texts(), made.labels()) == (["ab", "ba\n"], [0, 1])
    assert made.reasons == ["null-text", "too-long"]
    assert made.work.unused == {"empty-document": 1}
    del source["label"]
    made = Made(config(tmp_path / "a.parquet", source), tmp_path / "t")
    assert made.text() == "ab<|endoftext|>ba\n<|endoftext|>"


def test_broken_text_in_a_table_is_bad(tmp_path: Path) -> None:
    binary = pa.array([b"ab", b"\xff"], pa.binary())
    text = pa.StringArray.from_buffers(2, binary.buffers()[1], binary.buffers()[2])
    pq.write_table(pa.table({"say": text}), tmp_path / "a.parquet")
    made = Made(config(tmp_path / "a.parquet", {"format": "table", "text": "say"}), tmp_path)
    assert made.reasons == ["not-utf-8"]
    assert made.text() == "ab<|endoftext|>"


def test_words_are_taken_from_a_sample_by_the_seed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chunk, "CHUNK_BYTES", 60)
    (tmp_path / "a").write_text("".join(f"w{n}\n" for n in range(300)))
    sizes = []
    for sample in (100, 10**6):
        tokenizer = {"kind": "words", "size": 10**4, "sample": sample}
        made = [
            Made(config(tmp_path / "a", tokenizer=tokenizer), tmp_path / f"{sample}-{n}", n)
            for n in (1, 3)
        ]
        assert made[0].tokenizer == made[1].tokenizer
        sizes.append(made[0].tokenizer.size)
    assert sizes[0] < 40
    assert sizes[1] == 300 + 2  # with the line feed and the unknown word


@pytest.mark.parametrize(
    ("source", "changes", "line"),
    [
        ({"documents": "line"}, {"tokenizer": None}, "a dataset.tokenizer, where source.documents"),
        ({"format": "labelled_text"}, {"tokenizer": None}, "a dataset.tokenizer for the source"),
        ({"blocks": False}, {}, "source.documents line"),
        ({"documents": "all", "held_out": "random"}, {}, "source.held_out end"),
        ({}, {"shape": [1]}, "a dataset.shape of [2] or more"),
        ({}, {"record": "image", "shape": [2, 2, 1]}, "tokens as dataset.record"),
        ({"format": "libsvm"}, {}, "no dataset.tokenizer for the source format libsvm"),
        ({"format": "json_lines", "text": "t"}, {"class_names": ["a", "b"]}, "source.label"),
        ({"format": "table"}, {}, "source.text, the column of texts"),
    ],
)
def test_what_has_no_meaning_is_refused(
    source: dict[str, Any], changes: dict[str, Any], line: str
) -> None:
    with pytest.raises(RequestError) as error:
        source_of(config("x", source, **changes))
    assert line in str(error.value)


def test_values_and_a_tokenizer_are_not_both_stated() -> None:
    with pytest.raises(ValueError, match="the tokenizer says how many"):
        config("x", values=300)


def test_a_version_of_text_says_what_a_model_predicts(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("né été\n" * 30)
    (tmp_path / "b.txt").write_text("ête\n" * 9 + "Ω\0\n")
    out = str(tmp_path / "out")
    values = {"validation_fraction": 0.1, "max_bad_fraction": 0.1}
    dataset = config(f"{tmp_path}/*.txt", {"held_out": "end"}, **values)
    manifest = ingest(spark, dataset, datasets_uri=out)
    folder = tmp_path / "out" / "letters" / manifest.version
    assert read_manifest(str(folder)) == manifest
    assert manifest.tokenizer is not None
    assert (folder / "tokenizer.json").read_text() == manifest.tokenizer.json
    assert manifest.values == manifest.tokenizer.size == len("né tê\n") + len("e") + 1
    assert manifest.quarantined == {"nul-byte": 1}
    rows = pq.read_table(folder / manifest.splits["train"].files[0].path).sort_by("id")
    record = manifest.spec.record
    assert record.decode(rows["tokens"]).shape[1:] == (5,)
    text = "né été\n" * 30 + "ête\n" * 9
    cut = len(text) - 25  # a tenth, rounded up
    train, validation = text[1:cut], text[cut + 1 :]  # the first of each split is not predicted
    assert manifest.texts == {
        "train": {
            "documents": 2,
            "tokens": len(train) + 1,  # with the end of the first document
            "characters": len(train),
            "bytes": len(train.encode()),
        },
        "validation": {
            "documents": 1,
            "tokens": len(validation) + 1,
            "characters": len(validation),
            "bytes": len(validation.encode()),
        },
    }
    assert ingest(spark, dataset, datasets_uri=out) == manifest


def test_too_many_bad_lines_refuse_a_text(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"fine\n" * 9 + b"\xff\n")
    dataset = config(tmp_path / "a.txt")
    with pytest.raises(IngestError, match=r"1 of 10 records are bad \(not-utf-8 1\).*a\.txt:10"):
        ingest(spark, dataset, datasets_uri=str(tmp_path / "out"))


def test_tinyshakespeare_has_65_characters_and_is_cut_as_others_cut_it(
    data_dir: Path, tmp_path: Path
) -> None:
    path = data_dir / "tinyshakespeare.txt"
    made = Made(config(path, shape=[65], validation_fraction=0.1), tmp_path)
    assert made.tokenizer.size == 65
    assert len(made.tokens("train")) == 1_003_854
    assert made.text("validation") == path.read_text()[1_003_854:]
    assert len(made.tokens("validation")) == 111_540


def test_descriptions_come_with_the_program(tmp_path: Path) -> None:
    values = {"test_fraction": 0.1, "validation_fraction": 0.1, "shape": [65]}
    tokenizer = {"kind": "characters", "unknown": True}
    dataset = config("", {}, tokenizer=tokenizer, **values)
    section = {"format": "builtin", "dataset": "descriptions"}
    dataset = DatasetConfig.model_validate({**dataset.model_dump(), "source": section})
    made = Made(dataset, tmp_path)
    assert made.tokenizer.end is not None
    assert sum((made.work.documents or {}).values()) >= 10
    sizes = [len(made.tokens(split)) for split in ("train", "validation", "test")]
    assert sum(sizes) > 20_000
    assert sizes[1] == pytest.approx(0.09 * sum(sizes), rel=0.02)
    assert sizes[2] == pytest.approx(0.1 * sum(sizes), rel=0.02)


@pytest.mark.parametrize("record", ["image", "tokens"])
def test_a_builtin_data_set_has_records_of_its_kind(record: str) -> None:
    name, shape = ("descriptions", [8, 8, 1]) if record == "image" else ("digits", [65])
    tokenizer = {"kind": "characters"} if record == "tokens" else None
    with pytest.raises(RequestError):
        source_of(
            DatasetConfig.model_validate(
                {
                    "name": "x",
                    "source": {"format": "builtin", "dataset": name},
                    "record": record,
                    "shape": shape,
                    "tokenizer": tokenizer,
                }
            )
        )


def test_texts_of_a_table_that_spark_reads_are_sorted(spark: Any, tmp_path: Path) -> None:
    rows = [("ba", "y"), ("é", "x"), (None, "x"), ("ab", "x")]
    frame = spark.createDataFrame(rows, "say string, mood string")
    frame.coalesce(1).write.format("orc").save(str(tmp_path / "a.orc"))
    source = {"format": "table", "text": "say", "label": "mood", "order_by": "say"}
    made = Made(config(tmp_path / "a.orc", source), tmp_path / "s")
    assert made.texts() == ["ab", "ba", "é"]
    assert made.labels() == [0, 1, 0]
    assert made.reasons == ["null-text"]
