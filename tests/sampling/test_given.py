"""What is given to a model: where it comes from, and what of a wrong request is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession
from versions import random_data, write_split, write_version

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.discovery import outline
from sparkgen.models.portable import PortableModel, pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.sampling.given import check_given, no_version, open_sources, source_names
from sparkgen.sampling.given.mask import Config as MaskConfig
from sparkgen.sampling.given.mask import known_pixels
from sparkgen.sampling.sample import Sampled, read_samples, sample

RECORD = ImageRecord((8, 8, 1))
ROWS = 25
DENOISING = "reconstruction.denoising_autoencoder"
ROWS_GIVEN = {"image": {"from": "rows", "split": "test"}}


@pytest.fixture(scope="module")
def version(tmp_path_factory: pytest.TempPathFactory) -> DatasetVersion:
    """A version whose test split has 25 rows in two files, of labels 7, 6, 5, ... in turn."""
    folder = tmp_path_factory.mktemp("version")
    ids = np.arange(ROWS)
    split = {
        "ids": ids,
        "labels": (7 - ids % 5).astype(np.int32),
        "data": random_data(RECORD, ROWS),
    }
    splits = {
        name: write_split(folder, name, RECORD, files=files, **split)
        for name, files in (("train", 4), ("test", 2))
    }
    return DatasetVersion(str(folder), write_version(folder, RECORD, splits))


@pytest.fixture(scope="module")
def packed(saved_model) -> PortableModel:
    return pack(saved_model(DENOISING, latent=4, hidden=[8]))


def config(given: dict[str, Any], **other: Any) -> SamplingConfig:
    return SamplingConfig(**{"count": 20, "batch_rows": 6, "seed": 3, "given": given, **other})


def make(
    spark: SparkSession,
    packed: PortableModel,
    wanted: SamplingConfig,
    version: DatasetVersion,
    folder: Path,
    partitions: int = 2,
) -> Sampled:
    return sample(
        spark,
        packed,
        wanted,
        model_uri="models:/tiny/1",
        samples_uri=str(folder),
        version=lambda: version,
        partitions=partitions,
    )


def test_a_row_of_the_split_is_given_to_each_sample_whatever_the_partitions(
    spark: SparkSession, packed: PortableModel, version: DatasetVersion, tmp_path: Path
) -> None:
    one, seven = (
        make(spark, packed, config(ROWS_GIVEN), version, tmp_path / str(n), n) for n in (1, 7)
    )
    tables = [pq.read_table(sorted(Path(made.uri).glob("*.parquet"))) for made in (one, seven)]
    assert tables[0].equals(tables[1])
    assert tables[0].column_names == ["id", "seed", "label", "image", "given_image"]
    given = read_samples(one, limit=100, column="given_image")
    assert np.array_equal(given, random_data(RECORD, ROWS)[:20])
    # As the registered sampler gives it, which takes the pictures as a column.
    expected = generate_rows(unpack(packed), range(20), {"image": given}, Recipe(3, 6, {}))
    assert np.array_equal(read_samples(one, limit=100), expected)
    with Image.open(one.contact_sheet) as sheet:
        assert sheet.height > 4 * 67  # two rows of ten pictures, each above what was made of it


def test_damage_is_a_function_of_seed_and_row_and_enters_the_name_of_the_set(
    spark: SparkSession, packed: PortableModel, version: DatasetVersion, tmp_path: Path
) -> None:
    damaged = {"image": {"from": "rows", "damage": "mask", "amount": 0.5}}
    made = make(spark, packed, config(damaged), version, tmp_path)
    other = make(spark, packed, config(damaged, seed=4), version, tmp_path)
    assert len({made.sample_set.id, other.sample_set.id}) == 2
    rows, given, again = (
        random_data(RECORD, ROWS)[:20],
        read_samples(made, limit=100, column="given_image"),
        read_samples(other, limit=100, column="given_image"),
    )
    kept = given == rows
    assert (given[~kept] == 0).all()
    assert 0.45 < kept.mean() < 0.55
    assert (given != again).any()


def test_known_pixels_come_back_and_the_sheet_shows_the_others_grey(
    spark: SparkSession, packed: PortableModel, version: DatasetVersion, tmp_path: Path
) -> None:
    given = {**ROWS_GIVEN, "known": {"from": "mask", "hide": "right", "share": 0.25}}
    made = make(spark, packed, config(given), version, tmp_path)
    rows, samples = random_data(RECORD, ROWS)[:20], read_samples(made, limit=100)
    assert np.array_equal(samples[:, :, :6], rows[:, :, :6])
    assert (samples[:, :, 6:] != rows[:, :, 6:]).mean() > 0.9
    known = read_samples(made, limit=100, column="given_known")
    assert (known == known_pixels(RECORD.shape, MaskConfig(hide="right", share=0.25))).all()
    with Image.open(made.contact_sheet) as sheet:
        grey = np.asarray(sheet.convert("L"))[-67 * 4 : -67 * 3]
    assert 0.15 < (grey == 128).mean() < 0.25


@pytest.mark.parametrize(
    ("hide", "missing"), [("top", 32), ("bottom", 32), ("left", 32), ("right", 32), ("centre", 16)]
)
def test_a_mask_hides_its_share(hide: Any, missing: int) -> None:
    known = known_pixels((8, 8, 3), MaskConfig(hide=hide, share=0.5))
    assert (known == 0).sum() == 3 * missing
    assert set(np.unique(known)) == {0, 255}


def test_labels_that_nothing_is_said_of_are_those_of_the_rows_that_are_given(
    conditional_vae: Path, version: DatasetVersion
) -> None:
    packed = pack(conditional_vae)
    sources = open_sources(packed, config(ROWS_GIVEN), version=lambda: version)
    assert sources["label"].values(range(3, 9)).tolist() == [4, 3, 7, 6, 5, 4]
    assert len(sources["image"].values(range(22, 30))) == 3  # the split ends there
    in_turn = open_sources(packed, config({}), version=no_version)
    assert in_turn["label"].values(range(8, 12)).tolist() == [8, 9, 0, 1]
    one = open_sources(packed, config({}, label=5), version=no_version)
    assert one["label"].values(range(2)).tolist() == [5, 5]


REFUSED = [
    ({"imge": {"from": "rows"}}, "image, known to be given to .*, found imge"),
    ({"image": {"from": "row"}}, "did you mean rows"),
    ({"image": {}}, r"sampling\.given\.image\.from among in_turn, mask, one, rows, found None"),
    ({"image": {"from": "rows", "splt": "test"}}, "found splt: did you mean split"),
    ({"image": {"from": "rows", "amount": -1.0}}, "amount"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_a_wrong_source_is_refused_before_there_is_data(given: dict[str, Any], words: str) -> None:
    model = outline(DENOISING, {}, DataSpec(RECORD, 10))
    with pytest.raises(RequestError, match=words):
        check_given(config(given), model.given, model.spec, model=DENOISING)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"image": {"from": "one", "value": 3}}, "found one, which gives a label"),
        ({"image": {"from": "in_turn"}}, "found in_turn, which gives labels"),
    ],
)
def test_a_source_that_gives_something_else_is_refused(
    packed: PortableModel, version: DatasetVersion, given: dict[str, Any], words: str
) -> None:
    with pytest.raises(RequestError, match=words):
        open_sources(packed, config(given), version=lambda: version)


def test_more_samples_than_rows_are_refused(packed: PortableModel, version: DatasetVersion) -> None:
    with pytest.raises(
        RequestError, match=r"up to the 25 that sampling\.given\.image has, found 26"
    ):
        open_sources(packed, config(ROWS_GIVEN, count=26), version=lambda: version)


def test_rows_without_a_dataset_version_are_refused(packed: PortableModel) -> None:
    with pytest.raises(RequestError, match=r"a dataset version for sampling\.given"):
        open_sources(packed, config(ROWS_GIVEN), version=no_version)


def test_pictures_of_another_shape_are_refused(saved_model, version: DatasetVersion) -> None:
    small = version.manifest.model_copy(update={"shape": (4, 4, 1)})
    packed = pack(saved_model(DENOISING, latent=4, hidden=[8]))
    other = DatasetVersion(version.uri, small)
    with pytest.raises(RequestError, match=r"images of shape \[8, 8, 1\] for sampling.given.image"):
        open_sources(packed, config(ROWS_GIVEN), version=lambda: other)


def test_the_sources_are_the_files_that_there_are() -> None:
    assert source_names() == ["in_turn", "mask", "one", "rows"]
