"""The ingest as a whole, on Spark."""

import gzip
import logging
import os
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from small_rows import ROWS, config, lines, source

from sparkgen.datasets.manifest import Manifest, read_manifest
from sparkgen.datasets.versions import list_versions
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest import fit, stages
from sparkgen.ingest import ingest as ingest_job
from sparkgen.ingest.ingest import ingest
from sparkgen.ingest.shuffle import shuffled


def table(root: Path, manifest: Manifest, split: str) -> pa.Table:
    version = root / "out" / manifest.name / manifest.version
    files = manifest.splits[split].files
    return pa.concat_tables(pq.read_table(version / f.path) for f in files)


def test_every_row_arrives_once_shuffled_and_balanced(spark: Any, sources: Path) -> None:
    manifest = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert read_manifest(f"{sources}/out/tiny/{manifest.version}") == manifest
    train, validation = (table(sources, manifest, s) for s in ("train", "validation"))
    both = pa.concat_tables([train, validation]).sort_by("id")
    assert both["id"].to_pylist() == list(range(ROWS))
    assert both["label"].to_pylist() == [i % 3 for i in range(ROWS)]
    assert both["image"].to_pylist() == [bytes([i % 256, i // 256, 0, 7]) for i in range(ROWS)]
    assert len(validation) == ROWS // 10
    assert abs(np.corrcoef(np.arange(450), train["id"].to_numpy())[0, 1]) < 0.2
    rows = [f.rows for f in manifest.splits["train"].files]
    assert len(rows) % 4 == 0
    assert max(rows) - min(rows) <= 1
    assert table(sources, manifest, "test")["id"].to_pylist() == list(range(50))
    assert manifest.splits["test"].label_counts == {0: 17, 1: 17, 2: 16}
    file = manifest.splits["train"].files[0].path
    parquet = pq.ParquetFile(sources / "out" / "tiny" / manifest.version / file)
    assert parquet.num_row_groups == 1


def test_labels_limit_invert_and_shards_are_obeyed(spark: Any, sources: Path) -> None:
    changes = {"labels": (0, 2), "limit": 120, "invert": True, "shards": 8}
    manifest = ingest(spark, config(sources, **changes), datasets_uri=f"{sources}/out")
    train, validation = (table(sources, manifest, s) for s in ("train", "validation"))
    both = pa.concat_tables([train, validation]).sort_by("id")
    wanted = [i for i in range(ROWS) if i % 3 != 1]
    chosen = np.flatnonzero(shuffled(np.arange(len(wanted)), len(wanted), seed=0) < 120)
    kept = [wanted[number] for number in chosen]
    assert both["id"].to_pylist() == chosen.tolist()
    assert both["label"].to_pylist() == [i % 3 for i in kept]
    assert both["image"].to_pylist() == [
        bytes([255 - i % 256, 255 - i // 256, 255, 248]) for i in kept
    ]
    assert len(manifest.splits["train"].files) == 8
    assert manifest.splits["validation"].rows == 12
    assert manifest.quarantined == {}
    named = config(sources, **{**changes, "labels": ("c", "a")})
    assert ingest(spark, named, datasets_uri=f"{sources}/out").splits == manifest.splits


def test_a_version_that_is_found_again_is_the_newest(spark: Any, sources: Path) -> None:
    """The sources change and change back; a training takes the version that was asked for last."""
    uri, path = f"{sources}/out", sources / "train-a.txt"
    before, time_stamp = path.read_bytes(), path.stat().st_mtime_ns
    first = ingest(spark, config(sources), datasets_uri=uri)
    path.write_text(lines(10, 300))
    second = ingest(spark, config(sources), datasets_uri=uri)
    assert [m.version for m in list_versions(uri, "tiny")] == [second.version, first.version]
    path.write_bytes(before)
    os.utime(path, ns=(time_stamp, time_stamp))
    assert ingest(spark, config(sources), datasets_uri=uri) == first
    assert [m.version for m in list_versions(uri, "tiny")] == [first.version, second.version]


def test_a_limit_takes_rows_of_every_class_from_sources_sorted_by_class(
    spark: Any, sources: Path
) -> None:
    in_order = sorted(lines(0, 300).splitlines(keepends=True))
    for name in ("train-a.txt", "test.txt"):
        (sources / name).write_text("".join(in_order))
    (sources / "train-b.txt").unlink()
    manifest = ingest(
        spark, config(sources, limit=60, validation_fraction=0.0), datasets_uri=f"{sources}/out"
    )
    for split in manifest.splits.values():
        assert split.rows == 60
        assert min(split.label_counts.values()) >= 10
        assert sorted(split.label_counts) == [0, 1, 2]


def test_bad_lines_go_to_quarantine_with_their_place(
    spark: Any, sources: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (sources / "train-b.txt").open("a") as file:
        file.write("# a note\n\n1 0:3\nfrog\n1 1:2\n")
    manifest = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert manifest.quarantined == {"index-zero": 1, "unparsable-number": 1}
    (entry,) = manifest.quarantine_files
    version = sources / "out" / "tiny" / manifest.version
    assert pq.read_table(version / entry.path).to_pylist() == [
        {"split": "train", "source": "train-b.txt", "position": position,
         "reason": reason, "record": record}
        for position, reason, record in (
            ("203", "index-zero", b"1 0:3"), ("204", "unparsable-number", b"frog")
        )
    ]  # fmt: skip
    assert manifest.splits["train"].rows + manifest.splits["validation"].rows == ROWS + 1
    assert (
        f"2 bad records are in {version}/quarantine (index-zero 1, unparsable-number 1); the first: "
        "train-b.txt:203 index-zero '1 0:3', train-b.txt:204 unparsable-number 'frog'"
    ) in caplog.text


def test_too_many_bad_records_leave_no_version_but_a_quarantine(
    spark: Any, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[Any] = []

    def write(*args: Any) -> Any:
        written.extend(stages.write(*args))
        return written

    monkeypatch.setattr(ingest_job, "write", write)
    (sources / "test.txt").write_text("1 1:x\n" * 20)
    with pytest.raises(
        IngestError, match=r"20 of 520 records are bad \(unparsable-number 20\)"
    ) as e:
        ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert list_versions(f"{sources}/out", "tiny") == []
    assert "test.txt:1 unparsable-number '1 1:x', test.txt:2 unparsable" in str(e.value)
    (kept,) = (sources / "out" / "tiny" / ".rejected").iterdir()
    assert pq.read_table(kept).num_rows == 20
    assert [(file.folder, file.rows) for file in written] == [("quarantine", 20)]


def test_a_shape_too_small_names_the_width_that_is_needed(spark: Any, sources: Path) -> None:
    with pytest.raises(
        RequestError, match=r"a shape of 4 values or more.* with 550 of 550 records"
    ):
        ingest(spark, config(sources, shape=(1, 3, 1)), datasets_uri=f"{sources}/out")


def test_files_too_large_or_too_small_are_refused_or_told(
    spark: Any, sources: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(fit, "MOST_FILE_BYTES", 400)  # as 1 GiB of larger data
    monkeypatch.setattr(fit, "FILE_BYTES", 100)
    with pytest.raises(RequestError, match=r"found 4 shards for 450 rows.*: set shards to 20, or"):
        ingest(spark, config(sources, shards=4), datasets_uri=f"{sources}/out")
    (sources / "test.txt").write_text("# no record\n")
    manifest = ingest(spark, config(sources, shards=8), datasets_uri=f"{sources}/out")
    assert len(manifest.splits["train"].files) == 8
    assert "8 training files of about 56 rows" in caplog.text
    assert "no record of the test sources stays" in caplog.text


def test_values_of_another_scale_are_refused_before_a_version_appears(
    spark: Any, sources: Path
) -> None:
    for path in sources.glob("*.txt"):
        path.write_text("".join(f"{i % 3} 1:{i % 11 / 10} 4:1\n" for i in range(300)))
    with pytest.raises(RequestError, match=r"only 0 to 1 in the train.*source\.value_max to 1$"):
        ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert list_versions(f"{sources}/out", "tiny") == []
    unit = source(f"{sources}/train-*.txt", f"{sources}/test.txt", value_max=1.0)
    manifest = ingest(spark, config(sources, source=unit), datasets_uri=f"{sources}/out")
    images = b"".join(table(sources, manifest, "test")["image"].to_pylist())
    assert sorted(set(images)) == [0, 26, 51, 76, 102, 128, 153, 178, 204, 230, 255]


def test_what_the_numbers_of_the_sources_say_is_told(
    spark: Any, sources: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for path in sources.glob("*.txt"):
        path.write_text("".join(f"{i % 3} 1:{i % 256} 3:7\n" for i in range(300)))
    with (sources / "test.txt").open("a") as file:
        file.write("1 0:3\n")
    with caplog.at_level(logging.INFO):
        ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert "values seen: 0 to 255 of 0 to 255; indices seen: 1 to 3 of 1 to 4" in caplog.text
    (doubt,) = [r.getMessage() for r in caplog.records if "zero_based to true" in r.getMessage()]
    assert "index 0" in doubt


def test_a_source_that_changes_while_it_is_read_makes_no_version(
    spark: Any, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def write_and_change(*args: Any) -> Any:
        with (sources / "train-a.txt").open("a") as file:
            file.write("1 1:1\n")
        return stages.write(*args)

    monkeypatch.setattr(ingest_job, "write", write_and_change)
    with pytest.raises(IngestError, match=r"train-a\.txt changed while it was read"):
        ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    assert list_versions(f"{sources}/out", "tiny") == []


def test_missing_sources_and_too_few_rows_are_wrong_requests(spark: Any, sources: Path) -> None:
    with pytest.raises(RequestError, match="none at"):
        ingest(spark, config(sources / "nowhere"), datasets_uri=f"{sources}/out")
    with pytest.raises(RequestError, match="4 training rows or more"):
        ingest(spark, config(sources, limit=3), datasets_uri=f"{sources}/out")


def test_hidden_files_beside_the_rows_are_counted_and_other_kinds_of_files_refused(
    spark: Any, sources: Path
) -> None:
    folder = sources / "rows"
    folder.mkdir()
    for name in ("part-0.txt", ".part-0.txt.crc", "_SUCCESS"):
        (folder / name).write_text(lines(0, 40))
    source = {"format": "libsvm", "train": str(folder)}
    manifest = ingest(spark, config(sources, source=source), datasets_uri=f"{sources}/out")
    assert manifest.unused == {"hidden": 2}
    assert manifest.splits["train"].rows + manifest.splits["validation"].rows == 40
    (folder / "rows.csv").write_text("label,p1,p2\n3,0,255\n")
    with pytest.raises(
        RequestError, match=r"rows\.csv, found what looks like comma-separated text"
    ):
        ingest(spark, config(sources, source=source), datasets_uri=f"{sources}/out")


def test_a_truncated_archive_is_named_and_leaves_no_version(spark: Any, sources: Path) -> None:
    packed = gzip.compress(lines(0, ROWS).encode())
    (sources / "test.txt.gz").write_bytes(packed[: len(packed) // 2])
    packed_test = source(f"{sources}/train-*.txt", f"{sources}/test.txt.gz")
    with pytest.raises(IngestError, match=r"^\S*/test\.txt\.gz cannot be read: "):
        ingest(spark, config(sources, source=packed_test), datasets_uri=f"{sources}/out")
    assert list((sources / "out").rglob("*")) == []


def test_dealt_by_a_pass_of_its_own_it_is_the_same_version(
    spark: Any, sources: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with (sources / "train-b.txt").open("a") as file:
        file.write("frog\n1 0:3\n")
    at_once = ingest(spark, config(sources), datasets_uri=f"{sources}/out")
    # As data of more than 128 MiB is, which would take a test too long.
    monkeypatch.setattr(stages, "GROUP_BYTES", 0)
    dealt = ingest(spark, config(sources), datasets_uri=f"{sources}/elsewhere")
    assert dealt == at_once
