"""Pictures of any size: given from folders and tables, made one by one, and stored as PNG files."""

import io
import logging
from base64 import b64decode
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from mlflow.exceptions import MlflowException
from PIL import Image
from pyspark.sql import SparkSession
from versions import random_data, write_split, write_version

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.images import as_objects, to_png
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import DataSpec, ImageRecord, PictureRecord
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.models.contract import Given
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import PortableModel, pack
from sparkgen.models.saving import save_model
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.given import check_given, open_sources
from sparkgen.sampling.given._source import Wanted
from sparkgen.sampling.given.folder import Config as Folder
from sparkgen.sampling.given.table import Config as Table
from sparkgen.sampling.sample import sample
from sparkgen.sampling.sample_set import Sampled, read_samples
from sparkgen.sampling.sampler import Sampler

COLOUR = PictureRecord((3,))
SPEC = DataSpec(ImageRecord((8, 8, 3)), 2)
SIZES = ((5, 9), (1, 1), (40, 7), (16, 16))


@pytest.fixture(scope="module")
def packed(tmp_path_factory: pytest.TempPathFactory) -> PortableModel:
    folder = tmp_path_factory.mktemp("halved")
    keras.utils.set_random_seed(0)
    model = build_model("own.halved", {}, SPEC)
    save_model(folder, model, name="own.halved", options={})
    return pack(folder)


@pytest.fixture(scope="module")
def pictures() -> list[Any]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (*size, 3), np.uint8) for size in SIZES]


@pytest.fixture
def folder(tmp_path: Path, pictures: list[Any]) -> Path:
    """Four pictures in two folders, with a file that is none and one that is cut off."""
    folder = tmp_path / "photos"
    for number, picture in enumerate(pictures):
        path = folder / ("a" if number < 2 else "b") / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(to_png(picture))
    (folder / "a" / "notes.txt").write_text("no picture")
    (folder / "b" / "cut.png").write_bytes(to_png(pictures[3])[:-40])
    return folder


def config(path: Any, *, source: str = "folder", **other: Any) -> SamplingConfig:
    given = {"picture": {"from": source, "path": str(path)}}
    return SamplingConfig(**{"count": 4, "seed": 3, "given": given, **other})


def make(
    spark: SparkSession, packed: PortableModel, wanted: SamplingConfig, to: Path, partitions: int
) -> Sampled:
    uri = str(to)
    return sample(
        spark, packed, wanted, model_uri="models:/own/1", samples_uri=uri, partitions=partitions
    )


def wanted(samples: int, record: Any = COLOUR) -> Wanted:
    return Wanted("picture", "record", record, SPEC, samples, 0)


def test_pictures_of_any_size_stand_in_the_files_beside_what_was_made_of_them(
    spark: SparkSession, packed, folder: Path, pictures, tmp_path: Path, caplog
) -> None:
    with caplog.at_level(logging.WARNING):
        one, seven = (make(spark, packed, config(folder), tmp_path / str(n), n) for n in (1, 7))
    tables = [pq.read_table(sorted(Path(made.uri).glob("*.parquet"))) for made in (one, seven)]
    assert tables[0].equals(tables[1])
    told = "left out 1 truncated-image, 1 undecodable-image; the first is a/notes.txt"
    assert told in caplog.text
    table = tables[0]
    assert table["given_picture_name"].to_pylist() == ["a/0.png", "a/1.png", "b/2.png", "b/3.png"]
    made, given = (read_samples(one, limit=9, column=c) for c in (None, "given_picture"))
    model = unpack(packed)
    for number, (picture, back, halved) in enumerate(zip(pictures, given, made, strict=True)):
        assert np.array_equal(back, picture)
        assert halved.shape == (-(-picture.shape[0] // 2), *picture.shape[1:])
        grey = table["figure_grey"][number].as_py()
        assert grey == pytest.approx(halved.mean() / 255, rel=1e-6)
    assert one.sample_set.figures["grey"] == pytest.approx(np.mean(table["figure_grey"].to_numpy()))
    assert model.makes == one.sample_set.record == COLOUR
    with Image.open(one.contact_sheet) as sheet:
        assert sheet.width > 9 + 1 + 7
    assert make(spark, packed, config(folder), tmp_path / "1", 3) == one  # nothing is made again


def test_any_reader_of_parquet_finds_png_files(
    spark: SparkSession, packed, folder: Path, pictures, tmp_path: Path
) -> None:
    made = make(spark, packed, config(folder, png=True), tmp_path / "set", 2)
    frame = pd.read_parquet(sorted(Path(made.uri).glob("*.parquet")))
    for row, picture in zip(frame.itertuples(), pictures, strict=True):
        with Image.open(io.BytesIO(row.given_picture)) as given:
            assert np.array_equal(np.asarray(given), picture)
        assert Path(made.uri, "png", f"{row.id:09d}.png").read_bytes() == row.picture


def test_the_files_of_a_sample_set_are_a_table_of_pictures(
    spark: SparkSession, packed, folder: Path, tmp_path: Path
) -> None:
    first = make(spark, packed, config(folder), tmp_path / "first", 2)
    entry = {"from": "table", "path": f"{first.uri}/*.parquet", "column": "picture"}
    again = config(folder).model_copy(update={"given": {"picture": entry}})
    second = make(spark, packed, again, tmp_path / "second", 2)
    given = read_samples(second, limit=9, column="given_picture")
    for before, after in zip(read_samples(first, limit=9), given, strict=True):
        assert np.array_equal(before, after)


def test_rows_of_a_table_without_a_picture_are_left_out(tmp_path: Path, pictures, caplog) -> None:
    cells = [{"bytes": to_png(p), "path": "x"} for p in pictures]
    cells[1] = {"bytes": None, "path": "gone"}
    for name, some in (("b", cells[2:]), ("a", cells[:2])):
        pq.write_table(pa.table({"image": some}), tmp_path / f"{name}.parquet", row_group_size=1)
    opened = Table(path=str(tmp_path)).open(wanted(3), lambda: None)
    assert "1 null-image; the first is a.parquet:1" in caplog.text
    found = opened.values(range(1, 5))
    assert [len(p) for p in found] == [40, 16]
    assert opened.names(range(3)) == ["a.parquet:0", "b.parquet:0", "b.parquet:1"]


def test_images_of_one_size_are_cut_and_scaled_from_the_files(folder: Path) -> None:
    record = ImageRecord((4, 4, 1))
    opened = Folder(path=str(folder)).open(wanted(4, record), lambda: None)
    assert opened.values(range(4)).shape == (4, 4, 4, 1)


def test_one_picture_or_those_of_scikit_learn_are_given_in_turn(packed, folder: Path) -> None:
    one = {"from": "picture", "path": str(folder / "b" / "2.png")}
    given = {"picture": {"from": "photographs"}, "style": one}
    request = SamplingConfig(count=5, given=given)
    sources = open_sources(packed, request, version=lambda: None)
    assert [p.shape for p in sources["picture"].values(range(3))] == [(427, 640, 3)] * 3
    assert sources["picture"].names(range(3)) == ["china.jpg", "flower.jpg", "china.jpg"]
    assert [p.shape for p in sources["style"].values(range(7, 9))] == [(40, 7, 3)] * 2


def test_grey_rows_of_a_split_are_given_in_colour(packed, tmp_path: Path) -> None:
    record = ImageRecord((8, 8, 1))
    data = random_data(record, 6)
    rows = {"ids": np.arange(6), "labels": np.zeros(6, np.int32), "data": data}
    splits = {
        name: write_split(tmp_path, name, record, files=1, **rows) for name in ("train", "test")
    }
    version = DatasetVersion(str(tmp_path), write_version(tmp_path, record, splits))
    request = SamplingConfig(count=6, given={"picture": {"from": "rows"}})
    found = open_sources(packed, request, version=lambda: version)["picture"].values(range(6))
    assert np.array_equal(np.stack(list(found)), data.repeat(3, axis=-1))


def test_wrong_requests_for_pictures_are_one_line(packed, folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RequestError, match=r"files that are there as .*picture\.path, found none"):
        check_given(config(tmp_path / "nowhere"), packed.given, SPEC, model="own")
    with pytest.raises(
        RequestError, match=r"up to the 4 pictures of sampling\.given\.picture, found 5"
    ):
        open_sources(packed, config(folder, count=5), version=lambda: None)
    with pytest.raises(RequestError, match=r"one image file as .*path, found 6 files"):
        open_sources(packed, config(folder, source="picture"), version=lambda: None)
    with pytest.raises(RequestError, match=r"files that end with \.parquet"):
        open_sources(packed, config(folder, source="table"), version=lambda: None)
    for file in folder.rglob("*.png"):
        file.write_bytes(b"")
    with pytest.raises(RequestError, match="found none that can be decoded among 6"):
        open_sources(packed, config(folder), version=lambda: None)
    labels = {"label": Given("label")}
    request = SamplingConfig(given={"label": {"from": "folder", "path": str(folder)}})
    with pytest.raises(RequestError, match="found folder, which gives pictures"):
        check_given(request, labels, SPEC, model="own")


def test_pictures_that_no_sample_needs_are_not_looked_at(folder: Path, caplog) -> None:
    few = Folder(path=str(folder)).open(wanted(2), lambda: None)
    assert few.names(range(9)) == ["a/0.png", "a/1.png"]
    (folder / "c.png").write_bytes(b"another one")
    assert Folder(path=str(folder)).open(wanted(2), lambda: None).identity == few.identity


def test_a_file_that_changes_after_it_was_looked_at_stops_the_job(folder: Path, pictures) -> None:
    opened = Folder(path=str(folder)).open(wanted(4), lambda: None)
    (folder / "a" / "0.png").write_bytes(to_png(pictures[1]))
    with pytest.raises(SparkgenError, match=r"a/0\.png has changed since this job began"):
        opened.values(range(1))


def test_the_registered_sampler_takes_image_files_and_gives_png(packed, pictures) -> None:
    sampler = Sampler()
    sampler.model = unpack(packed)
    jpeg = io.BytesIO()
    Image.fromarray(pictures[0]).convert("L").save(jpeg, "jpeg")
    cells = [jpeg.getvalue(), *map(to_png, pictures[1:])]
    found = sampler.predict(None, pd.DataFrame({"id": [4, 0, 1, 2], "picture": cells}))
    alone = sampler.predict(None, pd.DataFrame({"id": [0], "picture": cells[1:2]}))
    assert alone["picture"][0] == found["picture"][1]
    assert list(found.columns) == ["id", "shape", "picture", "figure_grey", "figure_style"]
    files = COLOUR.decode([b64decode(cell) for cell in found["picture"]])
    assert [p.shape[0] for p in files] == [3, 1, 20, 8]
    assert [tuple(shape) for shape in found["shape"]] == [p.shape for p in files]
    with pytest.raises(MlflowException, match="an image file in every cell of the column picture"):
        sampler.predict(None, pd.DataFrame({"id": [0], "picture": [b"no picture"]}))


@pytest.mark.parametrize("channels", [1, 3])
def test_pictures_of_any_size_come_back_from_a_column(channels: int) -> None:
    record = PictureRecord((channels,))
    rng = np.random.default_rng(1)
    data = as_objects([rng.integers(0, 256, (*size, channels), np.uint8) for size in SIZES])
    again = record.decode(record.encode(data))
    for before, after in zip(data, again, strict=True):
        assert np.array_equal(before, after)
    with pytest.raises(ValueError, match="must be"):
        PictureRecord((2,))
