"""Tables that Spark reads: the rows are those of the table, in an order that no partition decides."""

import base64
import json
import random
import string
import struct
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_files import png
from table_files import bad_of, config, rows_of, work_of

from sparkgen.datasets.manifest import Manifest
from sparkgen.errors import RequestError
from sparkgen.ingest.ingest import ingest

LEVELS = list(range(40))
NAMES = ("cat", "dog")


def frame(spark: Any, *, partitions: int = 3, seed: int = 0, column: str = "picture") -> Any:
    """A picture of each level, those of one class even and of the other odd, in some order."""
    rows = [(bytearray(png(n)), NAMES[n % 2], n) for n in LEVELS]
    random.Random(seed).shuffle(rows)
    return spark.createDataFrame(rows, [column, "label", "number"]).repartition(partitions)


def levels(out: Path, manifest: Manifest) -> list[tuple[int, int]]:
    """The level and the label of every training row, by its id."""
    folder = out / manifest.name / manifest.version
    parts = [pq.read_table(folder / f.path) for f in manifest.splits["train"].files]
    rows = pa.concat_tables(parts).sort_by("id").to_pylist()
    return [(row["image"][0], row["label"]) for row in rows]


def test_partitions_and_formats_change_nothing(spark: Any, tmp_path: Path) -> None:
    frame(spark, partitions=1).write.orc(f"{tmp_path}/one")
    frame(spark, partitions=4, seed=1).write.partitionBy("label").parquet(f"{tmp_path}/folders")
    frame(spark, seed=2).createOrReplaceTempView("pets_of_all_kinds")
    uris = [f"{tmp_path}/one", f"{tmp_path}/folders", "pets_of_all_kinds"]
    found = [rows_of(work_of(config(uri), 2, tmp_path / f"s{n}")) for n, uri in enumerate(uris)]
    assert sorted(found[0]) == [(n, n % 2) for n in LEVELS]
    assert found == [found[0]] * len(uris)


def test_the_order_is_that_of_a_column_where_one_is_given(spark: Any, tmp_path: Path) -> None:
    frame(spark).write.orc(f"{tmp_path}/orc")
    frame(spark).write.parquet(f"{tmp_path}/parquet")
    for kind in ("orc", "parquet"):
        work = work_of(config(tmp_path / kind, order_by="number"), 2, tmp_path / f"to-{kind}")
        assert rows_of(work) == [(n, n % 2) for n in LEVELS]
    with pytest.raises(RequestError, match=r"Spark can read \(orc\) at .*nummer"):
        work_of(config(tmp_path / "orc", order_by="nummer"), 1, tmp_path / "s")


def test_a_catalogs_table_is_found_again_until_it_changes(spark: Any, tmp_path: Path) -> None:
    spark.sql("create database if not exists zoo")
    frame(spark, column="image").write.saveAsTable("zoo.pets")
    dataset = config("zoo.pets")
    first = ingest(spark, dataset, datasets_uri=f"{tmp_path}/out")
    assert first.class_names == NAMES
    assert sorted(levels(tmp_path / "out", first)) == [(n, n % 2) for n in LEVELS]
    path = tmp_path / "out" / "pets" / first.version / "manifest.json"
    made = path.stat().st_mtime_ns
    assert ingest(spark, dataset, datasets_uri=f"{tmp_path}/out") == first
    assert path.stat().st_mtime_ns == made
    frame(spark, column="image").limit(1).write.insertInto("zoo.pets")
    second = ingest(spark, dataset, datasets_uri=f"{tmp_path}/out")
    assert second.splits["train"].rows == first.splits["train"].rows + 1


def test_folders_of_a_column_are_known_by_a_glob_too(spark: Any, tmp_path: Path) -> None:
    above = tmp_path / "a=b"
    frame(spark).write.partitionBy("label").parquet(f"{above}/pets")
    (above / "pets" / "README.md").write_text("")
    for train in (f"{above}/pets", f"{above}/pets/label=*/*.parquet"):
        work = work_of(config(train), 2, tmp_path / "scratch" / train[-1])
        assert sorted(rows_of(work)) == [(n, n % 2) for n in LEVELS]
        assert work.class_names == NAMES
    assert rows_of(work_of(config(f"{above}/pets/label=cat"), 1)) == rows_of(
        work_of(config(f"{above}/pets/label=cat/*.parquet"), 1)
    )


def test_a_table_without_rows_is_refused(spark: Any, tmp_path: Path) -> None:
    frame(spark).limit(0).write.orc(f"{tmp_path}/orc")
    with pytest.raises(RequestError, match="rows in the table"):
        work_of(config(tmp_path / "orc"), 1, tmp_path / "scratch")


def test_an_unused_column_that_may_be_of_labels_is_told(
    spark: Any, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    frame(spark).withColumnRenamed("label", "a kind").write.orc(f"{tmp_path}/orc")
    assert work_of(config(tmp_path / "orc"), 2, tmp_path / "scratch").class_names == ("all",)
    (told,) = [r.message for r in caplog.records if r.levelname == "WARNING"]
    assert "the unused column a kind has few different values, such as cat, dog" in told


def test_image_files_are_a_table_without_labels(spark: Any, tmp_path: Path) -> None:
    for n in LEVELS[:5]:
        (tmp_path / "files" / str(n)).mkdir(parents=True)
        (tmp_path / "files" / str(n) / "a.png").write_bytes(png(n))
    work = work_of(config(tmp_path / "files", reader="binaryFile"), 2, tmp_path / "scratch")
    assert sorted(rows_of(work)) == [(n, 0) for n in LEVELS[:5]]
    assert work.class_names == ("all",)


def test_rows_that_are_no_records_keep_their_places(spark: Any, tmp_path: Path) -> None:
    rows = [
        (0, None, 1),
        (1, bytearray(png(7)), None),
        (2, bytearray(b"no"), 0),
        (3, bytearray(png(8)), 5),
    ]
    table = spark.createDataFrame(rows, "number int, image binary, label int")
    table.write.orc(f"{tmp_path}/orc")
    dataset = config(tmp_path / "orc", order_by="number", class_names=["cat", "dog"])
    work = work_of(dataset, 2, tmp_path / "scratch")
    reasons = ["null-image", "null-label", "undecodable-image", "unknown-label"]
    assert bad_of(work) == list(enumerate(reasons))


def test_structs_of_bytes_and_path_are_read_with_spark_too(spark: Any, tmp_path: Path) -> None:
    rows = [((bytearray(png(n)), f"{n}.png"), n) for n in range(4)]
    kind = "image struct<bytes: binary, path: string>, label long"
    spark.createDataFrame(rows, kind).write.orc(f"{tmp_path}/orc")
    assert sorted(rows_of(work_of(config(tmp_path / "orc"), 2, tmp_path / "scratch"))) == [
        (n, n) for n in range(4)
    ]


def test_what_is_no_table_is_refused_in_one_line(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "broken.orc").write_bytes(b"no orc")
    (tmp_path / "note.txt").write_text("")
    (tmp_path / "rows.json").write_text('{"image": "AAAA", "label": 1}')
    for train, changes, line in [
        ("zoo.none", {}, "a table that Spark can read (catalog) at zoo.none, found [TABLE_OR_VIEW"),
        (f"{tmp_path}/gone", {}, "source files that are there"),
        (f"{tmp_path}/rows.json", {}, "found none among image, label: set source.image"),
        (f"{tmp_path}/note.txt", {}, "set source.reader, such as binaryFile"),
        (f"{tmp_path}/broken.orc", {}, "a table that Spark can read (orc)"),
        (f"{tmp_path}/note.txt", {"reader": "avro"}, "a table that Spark can read (avro)"),
    ]:
        with pytest.raises(RequestError) as error:
            work_of(config(train, **changes), 1, tmp_path / "scratch")
        assert line in str(error.value)
        assert "\n" not in str(error.value)


def delta(folder: Path, *, version: int = 1, **feature: Any) -> Path:
    """A Delta table of two versions, the second of which has only odd levels; written by hand."""
    schema = {
        "type": "struct",
        "fields": [
            {"name": name, "type": kind, "nullable": True, "metadata": feature.get(name, {})}
            for name, kind in (("image", "binary"), ("label", "string"))
        ],
    }
    protocol = {"minReaderVersion": 1, "minWriterVersion": 2, **feature.get("protocol", {})}
    metadata = {
        "id": "0", "format": {"provider": "parquet", "options": {}},
        "partitionColumns": feature.get("partitions", ["label"]),
        "schemaString": json.dumps(schema), "configuration": feature.get("configuration", {}),
    }  # fmt: skip
    files = []
    for label, name in (("01", "a"), ("02", "b"), ("01", "c")):
        values = [n for n in LEVELS if n % 2 == int(label) - 1 and (name == "c") == (n > 30)]
        path = f"label={label}/{name}.parquet"
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(pa.table({"image": [png(n) for n in values]}), folder / path)
        files.append({"path": path, "partitionValues": {"label": label}, "modificationTime": 0})
        files[-1] |= {"size": (folder / path).stat().st_size, "dataChange": True}
        files[-1] |= feature.get("file", {})
    log = folder / "_delta_log"
    log.mkdir()
    commits = [
        [{"protocol": protocol}, {"metaData": metadata}, *({"add": f} for f in files)],
        [{"remove": {"path": files[0]["path"], "deletionTimestamp": 1, "dataChange": True}}],
    ]
    for number, commit in enumerate(commits[: version + 1]):
        text = "".join(json.dumps(action) + "\n" for action in commit)
        (log / f"{number:020d}.json").write_text(text)
    return folder


def test_a_delta_table_is_the_files_of_its_newest_version(spark: Any, tmp_path: Path) -> None:
    pytest.importorskip("deltalake")
    first = work_of(config(delta(tmp_path / "a", version=0)), 2, tmp_path / "s0")
    assert sorted(rows_of(first)) == [(n, n % 2) for n in LEVELS if n <= 30 or n % 2 == 0]
    second = work_of(config(delta(tmp_path / "b")), 2, tmp_path / "s1")
    assert second.class_names == ("01", "02")
    kept = [(n, 0) for n in LEVELS if n > 30 and n % 2 == 0] + [
        (n, 1) for n in LEVELS if n < 31 and n % 2
    ]
    assert sorted(rows_of(second)) == sorted(kept)


def mapped(name: str, number: int) -> dict[str, Any]:
    """The metadata of a column that has another name in the files."""
    return {"delta.columnMapping.physicalName": name, "delta.columnMapping.id": number}


def deleted(rows: list[int]) -> dict[str, Any]:
    """A deletion vector of these rows, inline: a roaring bitmap in base 85, by Delta's protocol."""
    bitmap = struct.pack("<IIHHI", 12346, 1, 0, len(rows) - 1, 16)
    bitmap += struct.pack(f"<{len(rows)}H", *rows)
    data = struct.pack("<IQI", 1681511377, 1, 0) + bitmap
    z85 = (
        string.digits + string.ascii_lowercase + string.ascii_uppercase + ".-:+=^!/*?&<>()[]{}@%$#"
    )
    b85 = (
        string.digits + string.ascii_uppercase + string.ascii_lowercase + "!#$%&()*+-;<=>?@^_`{|}~"
    )
    text = base64.b85encode(data.ljust(-(-len(data) // 4) * 4, b"\0")).decode()
    vector = {"storageType": "i", "pathOrInlineDv": text.translate(str.maketrans(b85, z85))}
    return {**vector, "sizeInBytes": len(data), "cardinality": len(rows)}


@pytest.mark.parametrize(
    ("feature", "line"),
    [
        (
            {
                "protocol": {"minReaderVersion": 2, "minWriterVersion": 5},
                "configuration": {"delta.columnMapping.mode": "name"},
                "image": mapped("a", 1),
                "label": mapped("b", 2),
                "partitions": [],
            },
            "found column mapping: give Spark that package",
        ),
        (
            {
                "protocol": {
                    "minReaderVersion": 3,
                    "minWriterVersion": 7,
                    "readerFeatures": ["deletionVectors"],
                    "writerFeatures": ["deletionVectors"],
                },
                "configuration": {"delta.enableDeletionVectors": "true"},
                "file": {"deletionVector": deleted([1, 3]), "stats": '{"numRecords": 40}'},
            },
            "found deletion vectors: give Spark that package",
        ),
    ],
)
def test_a_delta_table_of_which_files_alone_say_too_little_is_refused(
    spark: Any, tmp_path: Path, feature: dict, line: str
) -> None:
    pytest.importorskip("deltalake")
    with pytest.raises(RequestError, match=line):
        work_of(config(delta(tmp_path / "a", **feature)), 1, tmp_path / "scratch")


def test_a_delta_table_without_a_package_says_what_to_install(
    spark: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sparkgen.ingest.tables.delta.find_spec", lambda name: None)
    dataset = config(delta(tmp_path / "a"))
    with pytest.raises(
        RequestError, match=r"pip install .sparkgen\[delta\]., or give Spark"
    ) as error:
        work_of(dataset, 1, tmp_path / "scratch")
    assert error.value.exit_status == 2


def test_a_delta_table_is_made_anew_at_each_version(spark: Any, tmp_path: Path) -> None:
    from sparkgen.ingest.sources import source_of

    for version in (0, 1):
        dataset = config(delta(tmp_path / str(version), version=version))
        ((entry,),) = source_of(dataset).files(dataset).values()
        assert (entry.uri, entry.modified) == (f"{tmp_path}/{version}", f"version {version}")
