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
from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import LABEL, Given
from sparkgen.models.discovery import outline
from sparkgen.models.portable import PortableModel, pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling import sample_set
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.sampling.given import (
    check_given,
    check_given_rows,
    entries_of,
    no_version,
    open_sources,
    source_names,
)
from sparkgen.sampling.given._source import Wanted
from sparkgen.sampling.given.in_turn import Config as InTurn
from sparkgen.sampling.given.mask import Config as MaskConfig
from sparkgen.sampling.given.mask import known_pixels
from sparkgen.sampling.sample import FileWork, sample, write_part
from sparkgen.sampling.sample_set import Sampled, read_sample_set, read_samples

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
    expected = generate_rows(unpack(packed), range(20), {"image": given}, Recipe(3, 6, {})).data
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
    ({"image": {}}, r"from among folder, in_turn, .* rows, table, texts, found None"),
    ({"image": {"from": "rows", "splt": "test"}}, "found splt: did you mean split"),
    ({"image": {"from": "rows", "amount": -1.0}}, "amount"),
    ({"image": {"from": "rows", "amount": 0.5}}, "there is no damage"),
    ({"image": {"from": "rows", "damage": "mask", "amount": 1.5}}, "at most 1, found 1.5"),
    (
        {"image": {"from": "one", "value": 3}},
        "of a record for .*image, found one, which gives a label",
    ),
    ({"image": {"from": "in_turn"}}, "found in_turn, which gives labels"),
]


@pytest.mark.parametrize(("given", "words"), REFUSED)
def test_a_wrong_source_is_refused_before_there_is_data(given: dict[str, Any], words: str) -> None:
    model = outline(DENOISING, {}, DataSpec(RECORD, 10))
    with pytest.raises(RequestError, match=words):
        check_given(config(given), model.given, model.spec, model=DENOISING)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({"from": "one", "value": 7}, r"sampling\.given\.style\.value among 1, 5, .* found 7"),
        ({"from": "mask"}, "of a label for sampling.given.style, found mask, which gives pictures"),
        ({"from": "rows", "damage": "mask"}, r"no sampling\.given\.style\.damage where a label"),
    ],
)
def test_a_source_of_a_label_is_held_to_it_whatever_its_name(
    entry: dict[str, Any], words: str
) -> None:
    takes, spec = {"style": Given("label")}, DataSpec(RECORD, 10, (1, 5))
    with pytest.raises(RequestError, match=words):
        check_given(config({"style": entry}), takes, spec, model="any")


def test_numbers_of_the_models_own_come_in_turn_or_are_one_of_them() -> None:
    takes, spec = {"filter": Given("label", choices=20)}, DataSpec(RECORD, 10, (1, 5))
    check_given(config({"filter": {"from": "one", "value": 19}}), takes, spec, model="any")
    assert entries_of(config(ROWS_GIVEN), {**takes, "image": Given("record", RECORD)}) == {
        **ROWS_GIVEN,
        "filter": {"from": "in_turn"},
    }
    wanted = Wanted("filter", "label", None, spec, 30, 0, choices=20)
    assert InTurn().open(wanted, no_version).values(range(18, 22)).tolist() == [18, 19, 0, 1]
    for entry, words in (
        ({"from": "one", "value": 20}, r"sampling\.given\.filter\.value from 0 to 19, found 20"),
        ({"from": "rows"}, "found rows, which gives records and their labels"),
    ):
        with pytest.raises(RequestError, match=words):
            check_given(config({"filter": entry}), takes, spec, model="any")


def test_damage_of_what_is_no_picture_is_refused() -> None:
    tokens = TokenRecord((4,), 10)
    entry = {"tokens": {"from": "rows", "damage": "gaussian", "amount": 2.0}}
    takes = {"tokens": Given("record", tokens)}
    with pytest.raises(RequestError, match=r"damage where a record is given that is no picture"):
        check_given(config(entry), takes, DataSpec(tokens, 1), model="any")
    pictures = {"tokens": Given("record", RECORD)}
    check_given(config(entry), pictures, DataSpec(RECORD, 1), model="any")


def test_rows_for_pictures_of_another_form_are_refused_before_there_is_data() -> None:
    takes = {"image": Given("record", ImageRecord((4, 4, 1)))}
    words = r"shape \[4, 4, 1\] for sampling\.given\.image, found images of shape \[8, 8, 1\] in"
    with pytest.raises(RequestError, match=words):
        check_given(config(ROWS_GIVEN), takes, DataSpec(RECORD, 10), model="any")


def test_only_labels_that_a_model_needs_are_filled_in() -> None:
    takes = {"style": Given("label"), "mood": Given("label", required=False)}
    assert entries_of(config({}), takes) == {"style": {"from": "in_turn"}}
    damaged = {"image": {"from": "rows", "split": "train", "damage": "mask"}}
    found = entries_of(config(damaged), {**takes, "image": Given("record", RECORD)})
    assert found == {**damaged, "style": {"from": "rows", "split": "train"}}


def test_rows_with_a_label_that_training_did_not_see_are_refused(version: DatasetVersion) -> None:
    wanted = config({"label": {"from": "rows"}})
    check_given_rows(wanted, LABEL, DataSpec(RECORD, 10, (3, 4, 5, 6, 7)), version.manifest)
    with pytest.raises(RequestError, match=r"among 4, 5, 6, 7, .* found 3 in the split test"):
        check_given_rows(wanted, LABEL, DataSpec(RECORD, 10, (4, 5, 6, 7)), version.manifest)


def test_more_samples_than_rows_are_refused(packed: PortableModel, version: DatasetVersion) -> None:
    words = r"sampling\.count up to the 25 rows of the split test, for .*\.image, found 26"
    with pytest.raises(RequestError, match=words):
        open_sources(packed, config(ROWS_GIVEN, count=26), version=lambda: version)


def test_a_file_of_rows_is_read_once_for_each_file_of_samples(
    packed: PortableModel,
    version: DatasetVersion,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    reads: list[str] = []
    table = StoredFile.table

    def noted(file: StoredFile, *arguments: Any, **others: Any) -> Any:
        reads.append(file.entry.path)
        return table(file, *arguments, **others)

    monkeypatch.setattr(StoredFile, "table", noted)
    monkeypatch.setattr(sample_set, "FILES", 2)
    damaged = {"image": {"from": "rows", "damage": "gaussian", "amount": 0.1}}
    wanted = config(damaged, count=25, batch_rows=3)  # files of 15 and 10 samples
    sources = open_sources(packed, wanted, version=lambda: version)
    work = FileWork(packed, wanted, sources, str(tmp_path))
    assert [write_part(work, part).rows for part in range(2)] == [15, 10]
    assert reads == ["test/part-00000.parquet", *["test/part-00001.parquet"] * 2]
    written = pq.read_table(sorted(tmp_path.glob("*.parquet")))
    given = RECORD.decode(written["given_image"])
    singly = [sources["image"].values(range(i, i + 1)) for i in range(25)]
    assert np.array_equal(given, np.concatenate(singly))
    expected = generate_rows(unpack(packed), range(25), {"image": given}, Recipe(3, 3, {})).data
    assert np.array_equal(RECORD.decode(written["image"]), expected)


def test_given_records_of_another_form_are_kept_in_it_and_are_no_pairs(
    spark: SparkSession, saved_model, tmp_path: Path
) -> None:
    packed = pack(saved_model("own.echo", times=2))
    wanted = config({"image": {"from": "mask", "hide": "left"}}, count=6)
    made = sample(
        spark, packed, wanted, model_uri="models:/tiny/1", samples_uri=str(tmp_path), partitions=1
    )
    stored = read_sample_set(made.uri)
    assert stored == made.sample_set
    assert stored.record_in("given_image") == ImageRecord((4, 4, 1))
    given = read_samples(made, limit=9, column="given_image")
    assert given.shape == (6, 4, 4, 1)
    assert np.array_equal(read_samples(made, limit=9), given.repeat(2, 1).repeat(2, 2))
    with Image.open(made.contact_sheet) as sheet:
        assert sheet.height < 4 * 67  # the six that were made, in two rows


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
    assert source_names() == [
        "folder",
        "in_turn",
        "lines",
        "mask",
        "one",
        "photographs",
        "picture",
        "rows",
        "table",
        "texts",
    ]
