"""What `sparkgen inspect` proposes for odd sources, and what it refuses in one line."""

import io
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archive_files import made, tar, zipped
from inspecting import ingested, inspected, is_short_and_explained, loaded, rows_of
from PIL import Image
from test_cifar import NAMES, TEN

from sparkgen.errors import RequestError
from sparkgen.ingest.dataset_file import as_yaml, name_of, plain
from sparkgen.ingest.looking import survey
from sparkgen.ingest.looking.look import Look, Sure, pattern
from sparkgen.ingest.sources import table


def picture(size: tuple[int, int], colour: Any = (9, 9, 9), form: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", size, colour).save(data, form)
    return data.getvalue()


def refusal(path: str | Path, folder: Path) -> str:
    with pytest.raises(RequestError) as error:
        inspected(path, folder)
    assert "\n" not in str(error.value)
    assert not (folder / "conf" / "datasets").exists()
    return str(error.value)


def nothing(path: Path) -> None:
    path.mkdir()


def pdfs(path: Path) -> None:
    made(
        "folder", path, {f"{n}.pdf": b"%PDF-1.4\n%\xe2\xe3\xcf\xd3\n" + bytes(99) for n in range(3)}
    )


def binary(path: Path) -> None:
    path.write_bytes(bytes(range(256)) * 9)


def damaged_zip(path: Path) -> None:
    path.write_bytes(zipped({"a/1.png": picture((4, 4))})[:-9])


def broken_pictures(path: Path) -> None:
    made("folder", path, {f"a/{n}.png": picture((4, 4))[:30] for n in range(9)})


def pickles(path: Path) -> None:
    np.save(path, np.array([{}, {}], object), allow_pickle=True)


def channels_first(path: Path) -> None:
    np.savez(path, images=np.zeros((9, 3, 8, 8), np.uint8))


def four_channels(path: Path) -> None:
    np.savez(path, images=np.zeros((9, 8, 8, 4), np.uint8))


def numbers_in_parquet(path: Path) -> None:
    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), path)


@pytest.mark.parametrize(
    ("name", "make", "line"),
    [
        ("a", nothing, "found no file: give the path of pictures, a table, numbers or text"),
        ("a", pdfs, "found 3 files, such as 0.pdf: give the path of pictures"),
        ("a.bin", binary, "found 1 file, such as a.bin: give the path of pictures"),
        ("a.zip", damaged_zip, "a whole archive at "),
        ("a", broken_pictures, "of which 9 were looked at, found undecodable-image 9"),
        ("a.npy", pickles, "objects of Python"),
        ("a.npz", channels_first, "[3, 8, 8], channels first: save array.transpose(0, 2, 3, 1)"),
        ("a.npz", four_channels, "[height, width, 1 or 3], found [8, 8, 4]"),
        ("a.parquet", numbers_in_parquet, "one column of encoded pictures in "),
        ("a.jpg", lambda path: path.write_bytes(picture((4, 4))), "give the folder that holds"),
    ],
)  # fmt: skip
def test_what_no_format_reads_is_refused_in_one_line(
    tmp_path: Path, name: str, make: Callable[[Path], Any], line: str
) -> None:
    make(tmp_path / name)
    assert line in refusal(tmp_path / name, tmp_path)


def test_a_path_where_nothing_is_is_refused(tmp_path: Path) -> None:
    assert "found nothing there: correct the path" in refusal(tmp_path / "gone.tar", tmp_path)
    assert "found nothing there: correct the path" in refusal(f"{tmp_path}/part-*.tar", tmp_path)


def test_pictures_of_several_sizes_get_a_square_shape_and_grey_ones_one_channel(
    tmp_path: Path,
) -> None:
    files = {f"{n}.png": picture((40 + n, 50)) for n in range(9)}
    small = inspected(made("folder", tmp_path / "a", files), tmp_path)
    about = (
        "height, width, channels: pictures are 40 to 48 x 50 to 50, grey; any size may stand here"
    )
    assert f"shape: [32, 32, 1]  # {about}" in small.text
    assert small.lines[4].endswith("levels 9 to 9; all grey, 9 of them stored in colour")
    files |= {f"z{n}.png": picture((300, 200), (255, 0, 0)) for n in range(2)}
    large = inspected(made("folder", tmp_path / "b", files), tmp_path, file=None)
    assert "shape: [32, 32, 3]" in large.text
    alike = {f"{n}.png": picture((28, 28), (n, n, n)) for n in range(38)}
    alike |= {"odd.png": picture((8, 9)), "red.png": picture((28, 28), (255, 0, 0))}
    most = inspected(made("folder", tmp_path / "d", alike), tmp_path, file=None)
    assert "shape: [28, 28, 1]  # height, width, channels: that of most pictures, grey" in most.text
    assert "28 x 28, 8 x 9; levels 0 to 255; 1 in colour" in "\n".join(most.lines)
    same = {f"{n}.jpg": picture((50, 40), (255, 0, 0), "JPEG") for n in range(9)}
    found = inspected(made("folder", tmp_path / "c", same), tmp_path, file=None)
    assert "shape: [40, 50, 3]  # height, width, channels: that of the pictures" in found.text
    assert (
        "looked at 9 of 9 pictures, spread over all: JPEG 9 (pixels are not exact)" in found.lines
    )


def test_damaged_pictures_are_counted_and_allowed_for(spark: Any, tmp_path: Path) -> None:
    files = {f"{'ab'[n % 2]}/{n}.png": picture((4, 4), (n, 0, 0)) for n in range(40)}
    files |= {f"a/x{n}.png": picture((4, 4))[:30] for n in range(2)} | {"b/empty.png": b""}
    files |= {"note.txt": b"x", ".DS_Store": b"x"}
    found = inspected(made("folder", tmp_path / "a", files), tmp_path)
    assert is_short_and_explained(found.text)
    assert "max_bad_fraction: 0.11  # about 7% of the records are bad" in found.text
    assert "damaged among those looked at: undecodable-image 2" in found.lines
    assert "bad records, for the quarantine: empty-image 1" in found.lines
    manifest = ingested(spark, tmp_path)
    assert manifest.quarantined == {"empty-image": 1, "undecodable-image": 2}
    assert f"passed over: {survey.reasons_text(manifest.unused)}" in found.lines
    assert sum(rows_of(manifest).values()) == 40


@pytest.mark.parametrize("count", [1, 5])
def test_a_few_pictures_are_a_data_set_too(spark: Any, tmp_path: Path, count: int) -> None:
    files = {f"{n}.png": picture((4, 4), (n, 0, 0)) for n in range(count)}
    found = inspected(made("folder", tmp_path / "a", files), tmp_path)
    assert f"lanes: {4 if count == 5 else 1}  # " in found.text
    assert sum(rows_of(ingested(spark, tmp_path)).values()) == count


def test_cifar_is_recognised_by_its_files(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    (tmp_path / "cifar.tar").write_bytes(tar(TEN))
    found = inspected(tmp_path / "cifar.tar", tmp_path)
    assert is_short_and_explained(found.text)
    assert found.result["rows"] == {"train": 8, "test": 4}
    assert "shape: [32, 32, 3]" in found.text
    manifest = ingested(spark, tmp_path)
    assert (manifest.class_names, rows_of(manifest)["test"]) == (tuple(NAMES), 4)


def test_text_becomes_tokens(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "plays.txt").write_text("To be, or not to be. " * 200)
    found = inspected(tmp_path / "plays.txt", tmp_path)
    assert is_short_and_explained(found.text)
    assert found.result["rows"] == {"train": 17}
    assert sum(rows_of(ingested(spark, tmp_path)).values()) == 17


def test_what_the_surest_format_cannot_read_is_read_by_the_next_and_told(tmp_path: Path) -> None:
    """The features of some libsvm text are words, not pixels."""
    rows = "".join(f"{n % 2} {n}:1 {n + 1355191}:1\n" for n in range(1, 99))
    (tmp_path / "news20.txt").write_text(rows)
    found = inspected(tmp_path / "news20.txt", tmp_path)
    assert found.result["format"] == "text"
    (told,) = [line for line in found.lines if line.startswith("not read in another way: ")]
    assert "expected indices of pixels, at most 1048576, in libsvm text, found 1355289" in told


def test_tables_that_only_spark_reads_are_known_without_it(tmp_path: Path) -> None:
    """As Spark writes them: the label of a row is the name of its folder; Delta; a catalog's."""
    (tmp_path / "a" / "label=0").mkdir(parents=True)
    images = pa.table({"image": pa.array([picture((4, 4))], pa.binary())})
    pq.write_table(images, tmp_path / "a" / "label=0" / "part-0.parquet")
    (tmp_path / "b" / "_delta_log").mkdir(parents=True)
    paths = (f"{tmp_path}/a", f"{tmp_path}/b", "main.default.pictures")
    found = [table.Config.recognise(Look(path)) for path in paths]
    assert [(r.sure, r.spark) for r in found if r] == [(Sure.MARKED, True)] * 3
    assert table.Config.recognise(Look("gone.csv")) is None
    assert table.Config.recognise(Look(f"{tmp_path}/gone")) is None


def test_of_a_large_source_a_part_is_looked_at_and_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(survey, "MOST_BYTES", 1000)
    np.savez(tmp_path / "a.npz", images=np.ones((9000, 4, 4), np.uint8) * 255)
    found = inspected(tmp_path / "a.npz", tmp_path)
    assert "looked at the first 4096 records of train alone" in found.lines
    assert "train 4096 (the first 4096 records of train)" in found.text


@pytest.mark.parametrize("stray", ["features.npy", "two.csv"])
def test_a_stray_file_does_not_hide_a_tree_of_pictures(tmp_path: Path, stray: str) -> None:
    files = {f"{'ab'[n % 2]}/{n}.png": picture((4, 4), (n, 0, 0)) for n in range(40)}
    path = made("folder", tmp_path / "a", files)
    (tmp_path / "a" / "two.csv").write_text("path,label\na/0.png,z\nb/1.png,w\n")
    np.save(tmp_path / "a" / "features.npy", np.ones((40, 64), np.float32))
    for other in {"features.npy", "two.csv"} - {stray}:
        (tmp_path / "a" / other).unlink()
    found = inspected(path, tmp_path, file=None)
    assert (found.result["format"], found.result["rows"]) == ("images", {"train": 40})
    assert found.lines[-1] == f"could be read as {'list' if 'csv' in stray else 'numpy'} as well"


def test_arrays_of_more_pictures_than_lie_beside_them_are_taken(tmp_path: Path) -> None:
    made("folder", tmp_path / "a", {f"{n}.png": picture((4, 4)) for n in range(3)})
    for name in ("a_train.npz", "b_train.npz", "a_dev.npz", "a_test.npz"):
        np.savez(tmp_path / "a" / name, images=np.full((9, 4, 4), 255, np.uint8))
    np.save(tmp_path / "a" / "features.npy", np.ones((9, 64), np.float32))
    found = inspected(tmp_path / "a", tmp_path, file=None)
    assert (found.result["format"], found.result["rows"]) == ("numpy", {"train": 18, "test": 9})
    told = "; not used, of another split: 1, such as a_dev.npz; not used: features.npy"
    assert found.lines[0].endswith(told)


def test_arrays_of_the_validation_split_are_held_out(tmp_path: Path) -> None:
    for name, rows in (("X_train", 20), ("X_val", 10), ("X_more", 5)):
        np.save(tmp_path / f"{name}.npy", np.full((rows, 4, 4), 255, np.uint8))
    found = inspected(tmp_path, tmp_path, file=None)
    assert found.result["rows"] == {"train": 20, "test": 10}
    assert found.lines[0].endswith("X_val.npy [10, 4, 4]; not used: X_more.npy")


@pytest.mark.parametrize(
    ("names", "others", "glob"),
    [
        (["p/a.csv"], ["p/b.csv"], "p/a.csv"),
        (["p/x-0.tar", "p/x-10.tar"], ["p/read.me", "q/x-1.tar"], "p/x-*.tar"),
        (["a_train.csv", "b_train.csv"], ["a_test.csv"], "*_train.csv"),
        (["p/[x]1.txt", "p/[x]2.txt"], ["p/y.md"], "p/*.txt"),
        (["p/a.txt", "p/c.txt"], ["p/b.txt"], None),
    ],
)
def test_a_glob_means_some_files_and_no_others(
    names: list[str], others: list[str], glob: str | None
) -> None:
    assert pattern(names, [*names, *others]) == glob


def test_every_path_comes_back_from_the_file(tmp_path: Path) -> None:
    name = "a: #b 'c' \"d\" ünï \U0001f600 {x} \\n\t1e5"
    made("folder", tmp_path / "data" / name, {f"{n}.png": picture((4, 4)) for n in range(12)})
    found = inspected(f"{{data}}/{name}", tmp_path)
    assert is_short_and_explained(found.text)
    assert loaded(tmp_path).dataset.source.path == f"{tmp_path}/data/{name}"  # type: ignore[attr-defined]


def test_paths_below_the_data_folder_are_written_from_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = {f"{split}/{n}.png": picture((4, 4)) for n in range(12) for split in ("train", "val")}
    made("folder", tmp_path / "data" / "a", there)
    monkeypatch.chdir(tmp_path)
    for path in ("data/a", f"{tmp_path}/data/a", "{data}/a", "./data/../data/a/"):
        text = inspected(path, tmp_path, file=None).text
        assert 'source: {format: images, path: "{data}/a", test: val}' in text
    monkeypatch.chdir(tmp_path / "data")
    assert 'path: "{data}/a", test: val' in inspected("a", tmp_path, file=None).text
    monkeypatch.chdir(tmp_path / "conf")
    made("folder", tmp_path / "conf" / "b", there)
    assert "path: b, test: val" in inspected("b", tmp_path, file=None).text


def test_pipes_and_devices_are_not_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.txt")
    assert "found nothing there" in refusal(tmp_path / "pipe.txt", tmp_path)
    assert "found nothing there" in refusal("/dev/zero", tmp_path)
    (tmp_path / "a.txt").write_text("text " * 100)
    assert inspected(tmp_path, tmp_path, file=None).result["format"] == "text"


def test_a_name_that_is_no_utf_8_is_refused(tmp_path: Path) -> None:
    path = os.fsdecode(bytes(tmp_path) + b"/\xff")
    made("folder", Path(path), {"1.png": picture((4, 4))})
    assert "expected a path in UTF-8, found '" in refusal(path, tmp_path)


def test_a_file_of_another_content_is_not_replaced(tmp_path: Path) -> None:
    path = made("folder", tmp_path / "a", {f"{n}.png": picture((4, 4)) for n in range(12)})
    inspected(path, tmp_path)
    inspected(path, tmp_path)
    with pytest.raises(RequestError, match="found one with another content: remove it"):
        inspected(path, tmp_path, name="another")
    assert loaded(tmp_path).dataset.name == "mine"


def test_names_of_data_sets_are_small_letters_and_digits(tmp_path: Path) -> None:
    paths = ("x/My Pets (2).tar.gz", "part-*.tar", "a/b/", ".", "conf/datasets/mine.yaml", "1.zip")
    assert [name_of(path) for path in paths] == ["my_pets_2", "part", "b", "data", "mine", "1"]
    with pytest.raises(RequestError, match="name"):
        path = made("folder", tmp_path / "a", {"1.png": picture((4, 4))})
        inspected(path, tmp_path, name="My Pets")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("images", "images"),
        ("yes", '"yes"'),
        ("1e5", '"1e5"'),
        ("a b", '"a b"'),
        ([1, 2.5, True, None], "[1, 2.5, true, null]"),
        ({"a": "x: y"}, '{a: "x: y"}'),
    ],
)
def test_values_are_in_quotes_where_yaml_would_read_something_else(value: Any, text: str) -> None:
    assert as_yaml(value) == text
    assert plain("a\nb\x07c") == "a\\nb\\x07c"


def test_a_table_of_pixels_without_labels_is_no_test_split(tmp_path: Path) -> None:
    """As on Kaggle: the labels of test.csv are what the competition asks for."""
    folder, pixels = tmp_path / "kaggle", ",".join(f"pixel{n}" for n in range(64))
    folder.mkdir()
    rows = [f"{n % 2},{n}{',7' * 63}" for n in range(20)]
    (folder / "train.csv").write_text("\n".join([f"label,{pixels}", *rows, ""]))
    (folder / "test.csv").write_text("\n".join([pixels, *(r[2:] for r in rows), ""]))
    (folder / "sample_submission.csv").write_text("ImageId,Label\n1,0\n2,0\n")
    for path in (folder, folder / "train.csv"):
        found = inspected(path, tmp_path, file=None)
        assert f'source: {{format: csv, train: "{folder}/train.csv"' in found.text
        assert "test_fraction: 0.1" in found.text
        assert "test.csv has no labels, and is not used" in found.lines[0]
