import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pyspark.sql import SparkSession

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.files import FileEntry
from sparkgen.datasets.records import ImageRecord
from sparkgen.errors import ManifestError, RequestError
from sparkgen.models.portable import PortableModel, pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling import sample_set
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.sampling.sample import FileWork, check, sample, write_part
from sparkgen.sampling.sample_set import (
    FILE_ROWS,
    FILES,
    Sampled,
    describe,
    known_files,
    part_ids,
    read_sample_set,
    read_samples,
    remove_notes,
    write_note,
)

CONFIG = SamplingConfig(count=45, seed=7, batch_rows=6, contact_sheet=20)

Make = Callable[..., Sampled]


@pytest.fixture(scope="module")
def packed(autoencoder: Path) -> PortableModel:
    return pack(autoencoder)


@pytest.fixture
def make(spark: SparkSession, packed: PortableModel, tmp_path: Path) -> Make:
    def run(folder: str = "samples", partitions: int = 2, model=packed, config=CONFIG) -> Sampled:
        return sample(
            spark,
            model,
            config,
            model_uri="models:/tiny/1",
            samples_uri=str(tmp_path / folder),
            partitions=partitions,
        )

    return run


def contents(folder: str) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in Path(folder).rglob("*.*")}


def test_images_optimised_in_one_partition_and_in_seven_are_the_same(
    make: Make, saved_model: Callable[..., Path]
) -> None:
    model = pack(saved_model("optimised.activation_maximisation"))
    wanted = CONFIG.model_copy(update={"options": {"steps": 5}})
    one, seven = (make(str(tasks), tasks, model, wanted) for tasks in (1, 7))
    assert contents(one.uri) == contents(seven.uri)


def test_one_partition_and_seven_make_the_same_files(make: Make) -> None:
    one, seven = make("one", 1), make("seven", 7)
    assert contents(one.uri) == contents(seven.uri)
    assert len(one.sample_set.files) == 8


def test_the_files_hold_every_sample_once_and_as_the_sampler_gives_it(
    make: Make, packed: PortableModel
) -> None:
    made = make()
    table = pq.read_table(sorted(Path(made.uri).glob("*.parquet")))
    assert table.column_names == ["id", "seed", "label", "image"]
    assert table["id"].to_pylist() == list(range(45))
    assert set(table["seed"].to_pylist()) == {7}
    images = generate_rows(unpack(packed), range(45), {}, Recipe(7, 6, {})).data
    assert table["image"].to_pylist() == [image.tobytes() for image in images]


def test_the_contact_sheet_shows_the_first_samples(make: Make) -> None:
    with Image.open(make().contact_sheet) as sheet:
        assert sheet.width == 5 * 67 + 3
        assert sheet.height == 4 * 67 + 3 + 22


def test_a_half_written_set_is_not_there_and_is_made_whole(make: Make) -> None:
    made = make()
    before = contents(made.uri)
    (Path(made.uri) / "manifest.json").unlink()
    (Path(made.uri) / "part-00003.parquet").write_bytes(b"torn")
    assert read_sample_set(made.uri) is None
    again = make()
    assert again == made
    assert contents(again.uri) == before


def flip(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)


def test_a_job_that_was_killed_goes_on_with_the_files_that_are_whole(
    make: Make, packed: PortableModel
) -> None:
    whole = make("undisturbed")
    uri = whole.uri.replace("undisturbed", "samples")
    # As a job leaves them that is killed after five of its eight files.
    entries = [write_part(FileWork(packed, CONFIG, {}, uri), part) for part in range(5)]
    assert entries == list(whole.sample_set.files[:5])
    flip(Path(uri, "part-00001.parquet"))
    Path(uri, "part-00002.json").unlink()
    flip(Path(uri, "part-00003.json"))
    times = {n: Path(uri, f"part-{n:05d}.parquet").stat().st_mtime_ns for n in range(5)}
    made = make()
    assert contents(made.uri) == contents(whole.uri)
    kept = [
        n for n, t in times.items() if Path(uri, f"part-{n:05d}.parquet").stat().st_mtime_ns == t
    ]
    assert kept == [0, 4]


def test_two_jobs_that_made_the_same_set_may_remove_its_notes_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in range(3):
        write_note(str(tmp_path), part, FileEntry(path="x", rows=1, bytes=1, sha256="0" * 64))
    listed = sample_set._notes

    def listed_before_the_other_job_is_done(uri: str, parts: int) -> dict[int, str]:
        monkeypatch.setattr(sample_set, "_notes", listed)
        found = listed(uri, parts)
        remove_notes(uri, 2)
        return found

    monkeypatch.setattr(sample_set, "_notes", listed_before_the_other_job_is_done)
    remove_notes(str(tmp_path), 3)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "damage", "again"),
    [
        ("part-00003.parquet", flip, {"part-00003.parquet", "contact_sheet.png"}),
        ("part-00003.parquet", Path.unlink, {"part-00003.parquet", "contact_sheet.png"}),
        ("contact_sheet.png", flip, {"contact_sheet.png"}),
        ("contact_sheet.png", Path.unlink, {"contact_sheet.png"}),
        ("png/000000013.png", Path.unlink, {"part-00002.parquet", "contact_sheet.png"}),
    ],
)
def test_of_a_damaged_set_only_what_is_damaged_is_made_again(
    make: Make, file: str, damage: Callable[[Path], None], again: set[str]
) -> None:
    config = CONFIG.model_copy(update={"png": True})
    made = make(config=config)
    before = contents(made.uri)
    times = {name: Path(made.uri, name).stat().st_mtime_ns for name in before}
    damage(Path(made.uri, file))
    assert make(config=config) == made
    assert contents(made.uri) == before
    written = {n for n, time in times.items() if Path(made.uri, n).stat().st_mtime_ns != time}
    assert {name for name in written if not name.startswith("png/")} == again


def test_a_damaged_manifest_of_a_set_is_told_and_written_again(make: Make, caplog) -> None:
    made = make()
    path = Path(made.uri, "manifest.json")
    before, random = path.read_bytes(), np.random.default_rng(0)
    for at in random.integers(0, len(before), 2):
        damaged = bytearray(before)
        damaged[at] ^= 4
        path.write_bytes(damaged)
        assert make() == made
        assert path.read_bytes() == before
    for text in (b"[]", b"\xff"):
        path.write_bytes(text)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            assert make() == made
        assert f"{path} is damaged" in caplog.text


def test_a_file_damaged_after_the_set_was_made_is_named_by_its_reader(make: Make) -> None:
    made = make()
    flip(Path(made.uri, "part-00000.parquet"))
    with pytest.raises(ManifestError, match=r"part-00000\.parquet, found others.*same step again"):
        read_samples(made, limit=5)


def test_the_same_request_finds_the_set_that_is_there(make: Make) -> None:
    made = make()
    times = {p: p.stat().st_mtime_ns for p in Path(made.uri).iterdir()}
    assert make().uri == made.uri
    assert {p: p.stat().st_mtime_ns for p in Path(made.uri).iterdir()} == times


def test_the_files_of_a_set_whose_manifest_says_less_are_found_again(make: Make) -> None:
    """As one of a release that does not state all options."""
    made = make()
    wanted = made.sample_set.model_copy(update={"options": {"steps": 3}, "files": ()})
    assert len(known_files(made.uri, wanted)) == len(made.sample_set.files)


def test_a_conditional_model_makes_the_wanted_class_as_png_too(
    make: Make, conditional_vae: Path
) -> None:
    config = CONFIG.model_copy(update={"label": 4, "png": True, "count": 7})
    model = pack(conditional_vae)
    made = make(model=model, config=config)
    table = pq.read_table(sorted(Path(made.uri).glob("*.parquet")))
    assert table["label"].to_pylist() == [4] * 7
    with Image.open(Path(made.uri) / "png" / "000000006.png") as image:
        assert np.asarray(image).tobytes() == table["image"][6].as_py()


def test_a_set_is_named_by_all_that_it_depends_on(packed: PortableModel) -> None:
    changes = ({"seed": 8}, {"count": 46}, {"batch_rows": 7}, {"options": {"steps": 2}})
    sets = [describe(packed, "models:/tiny/1", CONFIG.model_copy(update=c), {}) for c in changes]
    sets += [describe(packed, uri, CONFIG, {}) for uri in ("models:/tiny/1", "models:/tiny/2")]
    assert len({s.id for s in sets}) == len(sets)


@pytest.mark.parametrize("count", [1, 99, 100, 101, 25_600, 25_601, 10_000_000])
def test_parts_cover_every_sample_in_whole_batches(count: int) -> None:
    parts = part_ids(SamplingConfig(count=count), ImageRecord((28, 28, 1)))
    assert [p.start for p in parts[1:]] == [p.stop for p in parts[:-1]]
    assert (parts[0].start, parts[-1].stop) == (0, count)
    assert all(p.start % 100 == 0 and len(p) <= FILE_ROWS for p in parts)
    assert len(parts) <= FILES or len(parts[0]) == FILE_ROWS // 100 * 100


def test_a_file_of_large_pictures_has_fewer_of_them() -> None:
    parts = part_ids(SamplingConfig(count=100_000, batch_rows=16), ImageRecord((1024, 1024, 3)))
    assert {len(part) for part in parts} == {80}  # whole batches within 256 MiB
    assert (
        len(part_ids(SamplingConfig(count=3, batch_rows=2), ImageRecord((20_000, 20_000, 1)))) == 2
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (
            {"options": {"stepz": 3}},
            "sampling.options among none, those of reconstruction.dense_autoencoder, found stepz",
        ),
        ({"batch_rows": 2**31}, r"sampling\.batch_rows up to \d+ for images"),
        ({"label": 3}, "no sampling.label for reconstruction.dense_autoencoder, which is not cond"),
    ],
)
def test_a_request_that_the_model_cannot_serve_is_refused(
    packed: PortableModel, change: dict, line: str
) -> None:
    with pytest.raises(RequestError, match=line):
        check(packed, CONFIG.model_copy(update=change))


def test_the_label_is_one_of_the_training_rows(conditional_vae: Path, saved_model) -> None:
    with pytest.raises(RequestError, match=r"sampling\.label among 0, 1, .*, 9, .* found 10"):
        check(pack(conditional_vae), CONFIG.model_copy(update={"label": 10}))
    some = saved_model("variational.vae", seen=(1, 5), latent=2, hidden=[8], conditional=True)
    check(pack(some), CONFIG.model_copy(update={"label": 5}))
    with pytest.raises(RequestError, match=r"sampling\.label among 1, 5, .* found 2"):
        check(pack(some), CONFIG.model_copy(update={"label": 2}))


def test_a_set_without_a_label_has_the_labels_of_the_training_rows_in_turn(
    make: Make, saved_model
) -> None:
    some = saved_model("variational.vae", seen=(1, 5), latent=2, hidden=[8], conditional=True)
    made = make(model=pack(some), config=CONFIG.model_copy(update={"count": 7}))
    table = pq.read_table(sorted(Path(made.uri).glob("*.parquet")))
    assert table["label"].to_pylist() == [1, 5, 1, 5, 1, 5, 1]


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"guidence": 2.0}, "found guidence: did you mean guidance?"),
        ({"guidance": True}, "guidance of the type of its default 1.0, found True"),
        ({"guidance": -1}, "guidance from 0, found -1"),
        ({"guidance": float("nan")}, "guidance of the type of its default 1.0, found nan"),
        ({"guidance": 10**400}, "guidance of the type of its default 1.0, found 1000"),
        ({"steps": 2.5}, "steps of the type of its default 3, found 2.5"),
        ({"steps": 0}, "steps from 1 to 20, found 0"),
        ({"steps": 21}, "steps from 1 to 20, found 21"),
    ],
)
def test_an_option_of_no_such_name_type_or_range_is_refused(
    diffusion: PortableModel, options: dict, line: str
) -> None:
    with pytest.raises(RequestError) as refused:
        check(diffusion, CONFIG.model_copy(update={"options": options}))
    assert line in str(refused.value)


def test_options_in_their_ranges_are_taken_and_a_whole_number_for_a_float(
    diffusion: PortableModel,
) -> None:
    check(diffusion, CONFIG.model_copy(update={"options": {"guidance": 2, "steps": 20}}))


def test_the_manifest_has_the_options_that_were_asked_for_and_those_that_were_not(
    diffusion: PortableModel, packed: PortableModel
) -> None:
    asked = CONFIG.model_copy(update={"options": {"guidance": 2.5}})
    text = describe(diffusion, "models:/tiny/1", asked, {}).model_dump(mode="json")
    assert text["options"] == {"guidance": 2.5, "steps": 3, "temperature": 1.0}
    assert "options" not in describe(packed, "models:/tiny/1", CONFIG, {}).model_dump(mode="json")


@pytest.fixture(scope="module")
def diffusion(saved_model) -> PortableModel:
    options = {"channels": [8], "steps": 20, "sampling_steps": 3, "embedding": 8}
    return pack(saved_model("diffusion.ddpm", conditional=True, **options))
