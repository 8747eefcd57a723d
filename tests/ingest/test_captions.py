"""Captions from their source to a version, and from there to the workers, to samples and to strangers."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from sparkgen.config.captions import CaptionsSection
from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.manifest import Manifest
from sparkgen.datasets.rows import open_split, read_rows
from sparkgen.errors import RequestError
from sparkgen.ingest.captions import CaptionRule
from sparkgen.ingest.copies import digests_of
from sparkgen.ingest.ingest import ingest

SAYS = {"kind": "drawn", "width": [2.0, 4.0], "slant": [-5.0, 5.0], "size": [10.0, 18.0]}
SHAPE = (24, 24, 1)


def stroke(width: int, shear: float, top: int = 2, bottom: int = 22) -> np.ndarray:
    """A bar sheared to the right by `shear` pixels a row."""
    picture = np.zeros(SHAPE, np.uint8)
    for row in range(top, bottom):
        left = round(11 + shear * (11.5 - row)) - width // 2
        picture[row, max(left, 0) : left + width] = 255
    return picture


PICTURES = np.stack([stroke(6, 0.5), stroke(1, -0.5), stroke(3, 0.0), stroke(3, 0.0, 9, 15)])
LABELS = np.array([1, 0, 1, 1], np.int32)


def drawn(**more: object) -> tuple[list[str], np.ndarray]:
    config = CaptionsSection.model_validate({**SAYS, **more})
    data = PICTURES.reshape(len(PICTURES), -1)
    names = config.names or ("eight", "seven")
    return CaptionRule(config, names, SHAPE, 0).drawn(LABELS, data, digests_of(data))


def test_the_words_are_those_of_the_strokes() -> None:
    captions, stays = drawn(size=[6.0, 20.0])
    assert captions == [
        "a thick seven leaning right",
        "a thin eight leaning left",
        "a medium upright seven",
        "a small medium upright seven",
    ]
    assert stays.all()
    assert drawn(width=None, slant=None, size=None)[0][:2] == ["a seven", "an eight"]
    one = drawn(names=["one", "unicorn"], width=None, slant=None, size=None)[0][:2]
    assert one == ["a unicorn", "a one"]


def test_a_picture_that_a_phrase_describes_is_left_out_though_its_caption_omits_a_word() -> None:
    captions, stays = drawn(omit=0.9, leave_out=["thick seven leaning right", "upright eight"])
    assert stays.tolist() == [False, True, True, True]
    assert "upright" not in "".join(captions[2:])


def test_words_are_omitted_by_their_share_and_by_the_picture_alone() -> None:
    data = np.random.default_rng(0).integers(0, 256, (400, 576), dtype=np.uint8)
    labels, digests = np.ones(400, np.int32), digests_of(data)
    config = CaptionsSection.model_validate({**SAYS, "omit": 0.25, "size": None})
    rule = CaptionRule(config, ("eight", "seven"), SHAPE, 0)
    captions, _ = rule.drawn(labels, data, digests)
    said = sum("medium" in caption for caption in captions)
    assert abs(said - 300) < 3.5 * (400 * 0.25 * 0.75) ** 0.5
    assert rule.drawn(labels[7:9], data[7:9], digests[7:9])[0] == captions[7:9]


def png(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture[..., 0]).save(buffer, "png")
    return buffer.getvalue()


def dataset(source: dict, captions: dict, **more: object) -> DatasetConfig:
    values = {"name": "shapes", "source": source, "shape": list(SHAPE), "captions": captions}
    more = {"lanes": 1, "validation_fraction": 0.0, "max_bad_fraction": 0.5, **more}
    return DatasetConfig.model_validate({**values, **more})


def captions_of(manifest: Manifest, folder: Path, split: str = "train") -> dict[int, str]:
    uri = f"{folder}/{manifest.name}/{manifest.version}"
    opened = open_split(uri, manifest, split)
    rows, form = read_rows(opened), opened.record.caption
    return {int(i): form._written(t) for i, t in zip(rows.id, rows.caption, strict=True)}


def picture_files(folder: Path, count: int = 6) -> dict[str, bytes]:
    files = {}
    for n in range(count):
        files[f"{n}.png"] = png(np.roll(PICTURES[n % 4], n // 4, axis=1))
    files["0.txt"] = b"A Seven, leaning right\n"
    files["1.txt"] = b"\xff\xfe broken"
    files["2.txt"] = b""
    files["3.txt"] = b"one two three four five six"
    files["5.txt"] = b"a seven"
    for name, data in files.items():
        (folder / name).write_bytes(data)
    return files


@pytest.mark.parametrize("packed", [False, True])
def test_captions_are_read_from_text_files_beside_pictures(
    packed: bool, spark: SparkSession, tmp_path: Path
) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    files = picture_files(folder)
    path = folder
    if packed:
        path = tmp_path / "pictures.tar.gz"
        with tarfile.open(path, "w:gz") as tar:
            for name in sorted(files):
                tar.add(folder / name, name)
    source = {"format": "images", "path": str(path)}
    asked = dataset(source, {"kind": "text_files", "length": 5})
    manifest = ingest(spark, asked, datasets_uri=str(tmp_path / "data"))
    assert captions_of(manifest, tmp_path / "data") == {
        0: "a seven leaning right",
        1: "",
        2: "one two three four five",
        3: "",
        4: "a seven",
    }
    assert manifest.quarantined == {"caption-not-utf-8": 1}
    assert manifest.captions == {"empty": 2, "cut": 1}
    assert manifest.unused == {}
    assert manifest.format_version == 2


def test_captions_are_read_from_a_column_and_the_rarest_words_have_no_token(
    spark: SparkSession, tmp_path: Path
) -> None:
    said = ["a seven", None, "a tiny seven", "a seven"]
    table = pa.table({"image": [png(one) for one in PICTURES], "said": said})
    pq.write_table(table, tmp_path / "table.parquet")
    source = {"format": "table", "train": str(tmp_path / "table.parquet")}
    captions = {"kind": "column", "column": "said", "length": 4, "words": 2}
    manifest = ingest(spark, dataset(source, captions), datasets_uri=str(tmp_path / "data"))
    found = captions_of(manifest, tmp_path / "data")
    assert found == {0: "a seven", 1: "", 2: "a seven", 3: "a seven"}
    assert manifest.captions == {"empty": 1, "words without a token": 1}
    with pytest.raises(RequestError, match=r"one column speech, dataset\.captions\.column"):
        asked = dataset(source, {**captions, "column": "speech"})
        ingest(spark, asked, datasets_uri=str(tmp_path / "data"))


def test_a_source_without_such_captions_is_refused(spark: SparkSession, tmp_path: Path) -> None:
    asked = dataset({"format": "builtin", "dataset": "digits"}, {"kind": "text_files"})
    with pytest.raises(RequestError, match=r"drawn as dataset\.captions\.kind"):
        ingest(spark, asked, datasets_uri=str(tmp_path))
