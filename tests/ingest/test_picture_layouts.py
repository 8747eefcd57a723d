"""Layouts of pictures: each is found by itself, and the same pictures are the same records."""

import logging
from pathlib import Path
from typing import Any

import pytest
from archive_files import KINDS, made, placed, png

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import as_value, find_classes
from sparkgen.ingest.files.archives import own_name
from sparkgen.ingest.source import Work
from sparkgen.ingest.sources import source_of

CLASSES = ("cat", "dog")
LEVELS = {(name, i): 10 * i + 100 * n for n, name in enumerate(CLASSES) for i in range(10)}
"""The grey level of each of 20 pictures; of a class, the first 7 are for training."""
BOTH = {"train": "train", "test": "test"}
FREE = {"splits": BOTH, "names": None, "optional": frozenset(BOTH)}


def tree(path: str) -> dict[str, bytes]:
    """All pictures at a path with {split}, {name} and {i}."""
    return {
        path.format(split="train" if i < 7 else "test", name=name, i=i): png(level)
        for (name, i), level in LEVELS.items()
    }


def config(path: str, **keys: Any) -> DatasetConfig:
    source = {k: v for k, v in keys.items() if k in ("train", "test", "test_list", "class_depth")}
    others = {k: v for k, v in keys.items() if k not in source}
    return DatasetConfig.model_validate(
        {
            "name": "pets",
            "source": {"format": "images", "path": path, **source},
            "shape": [2, 2, 1],
            **others,
        }
    )


def work(path: str, **keys: Any) -> Work:
    dataset = config(path, **keys)
    source = source_of(dataset)
    return source.shares(dataset, source.files(dataset), tasks=2, scratch="")


def records(path: str, **keys: Any) -> dict[str, dict[int, str]]:
    """Of each split the class of every picture, by its grey level, as an ingest without Spark has it."""
    done = work(path, **keys)
    names = keys.get("class_names") or done.class_names
    found: dict[str, dict[int, str]] = {}
    for share in done.shares:
        for block in share.blocks():
            assert not block.records.bad
            pairs = zip(block.records.data[:, 0], block.records.labels, strict=True)
            found.setdefault(block.split, {}).update({int(p): names[n] for p, n in pairs})
    return found


def expected(*, split: bool, named: bool, suffix: str = "") -> dict[str, dict[int, str]]:
    """The records of all pictures, whose layout has splits and names."""
    found: dict[str, dict[int, str]] = {}
    for (name, i), level in LEVELS.items():
        of = "train" if i < 7 or not split else "test"
        found.setdefault(of, {})[level] = name + suffix if named else "all"
    return found


LAYOUTS: dict[str, tuple[bool, bool]] = {
    "{split}/{name}/{i}.png": (True, True),
    "pets-1.0/{split}/{name}/{i}.png": (True, True),
    "train/{split}/{name}/{i}.png": (True, True),
    "{split}/{name}/images/{i}.png": (True, True),
    "{split}/{name}-{i}.png": (True, False),
    "pets-1.0/{split}/{name}-{i}.png": (True, False),
    "{name}/{i}.png": (False, True),
    "pets-1.0/images/{name}/{i}.png": (False, True),
    "pets-1.0/{name}/images/{i}.png": (False, True),
    "{name}-{i}.png": (False, False),
    "pets-1.0/{name}-{i}.png": (False, False),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_layout_is_found_in_every_container(tmp_path: Path, kind: str, layout: str) -> None:
    split, named = LAYOUTS[layout]
    uri = made(kind, tmp_path, tree(layout))
    assert records(uri) == expected(split=split, named=named)


@pytest.mark.parametrize("layout", [name for name, (_, named) in LAYOUTS.items() if named])
def test_class_names_that_are_stated_are_found_in_every_layout(tmp_path: Path, layout: str) -> None:
    uri = made("tar", tmp_path, tree(layout))
    split, _ = LAYOUTS[layout]
    stated = records(uri, class_names=("dog", "owl", "cat"))
    assert stated == expected(split=split, named=True)


@pytest.mark.parametrize("layout", ["{split}/{name}-{i}.png", "x/{name}-{i}.png"])
def test_one_class_without_a_folder_may_have_a_name(tmp_path: Path, layout: str) -> None:
    found = records(made("folder", tmp_path, tree(layout)), class_names=("pet",))
    assert {name for split in found.values() for name in split.values()} == {"pet"}


@pytest.mark.parametrize("kind", ["folder", "tar.gz"])
def test_a_class_may_be_several_levels_of_folders(tmp_path: Path, kind: str) -> None:
    """As of Omniglot, whose classes are characters of alphabets."""
    files = tree("images_{split}/{name}/small/{i}.png")
    uri = made(kind, tmp_path, files)
    found = records(uri, train="images_train", test="images_test", class_depth=2)
    assert found == expected(split=True, named=True, suffix="/small")
    stated = ("dog/small", "cat/small")
    again = records(
        uri, train="images_train", test="images_test", class_depth=2, class_names=stated
    )
    assert again == found


def test_without_splits_too_a_class_may_be_several_levels(tmp_path: Path) -> None:
    uri = made("zip", tmp_path, tree("set/{name}/small/deeper/{i}.png"))
    assert records(uri, class_depth=2) == expected(split=False, named=True, suffix="/small")
    assert records(uri, class_depth=0) == expected(split=False, named=False)
    assert records(uri, class_depth=1) == expected(split=False, named=True)


def test_a_tree_of_one_class_is_named_where_the_depth_is_stated(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, {f"set/cat/{i}.png": png(i) for i in range(9)})
    assert set(records(uri)["train"].values()) == {"all"}
    assert set(records(uri, class_depth=1)["train"].values()) == {"cat"}
    assert set(records(uri, class_names=("dog", "cat"))["train"].values()) == {"cat"}


@pytest.mark.parametrize(
    ("paths", "named"),
    [
        (("{name}/{i}.png", "{name}/{i}.png"), True),
        (("set-1/{name}/{i}.png", "set-2/{name}/{i}.png"), True),
        (("set/{name}/{i}.png", "{name}/{i}.png"), True),
        (("{name}-{i}.png", "{name}-{i}.png"), False),
        (("set/{name}-{i}.png", "set/{name}-{i}.png"), False),
    ],
)
def test_several_archives_are_one_set(tmp_path: Path, paths: tuple[str, str], named: bool) -> None:
    for number, path in enumerate(paths):
        (tmp_path / f"part-{number}").mkdir()
        part = dict(list(tree(path).items())[number::2])
        made("tar", tmp_path / f"part-{number}", part)
    assert records(f"{tmp_path}/part-*/set.tar") == expected(split=False, named=named)


@pytest.mark.parametrize("path", ["{name}/{i}.png", "set/{name}/{i}.png", "{name}/images/{i}.png"])
def test_archives_of_one_class_each_are_these_classes(tmp_path: Path, path: str) -> None:
    for name in CLASSES:
        (tmp_path / name).mkdir()
        files = {path.format(name=name, i=i): png(LEVELS[name, i]) for i in range(10)}
        made("zip", tmp_path / name, files)
    for keys in ({}, {"class_names": ("dog", "cat")}):
        found = records(f"{tmp_path}/*/set.zip", **keys)
        assert found == expected(split=False, named=True)


@pytest.mark.parametrize("path", ["{name}/{i}.png", "{name}-{i}.png"])
@pytest.mark.parametrize("names", [("train", "test"), ("Training", "Testing")])
def test_archives_may_be_the_splits(tmp_path: Path, path: str, names: tuple[str, str]) -> None:
    halves = tree("{split}/" + path)
    for split, name in zip(("train", "test"), names, strict=True):
        part = {n.removeprefix(split + "/"): d for n, d in halves.items() if n.startswith(split)}
        Path(made("tar.gz", tmp_path, part)).rename(tmp_path / f"{name}.TAR.gz")
    keys = {"train": names[0], "test": names[1]}
    found = records(f"{tmp_path}/*.TAR.gz", **keys)
    assert found == expected(split=True, named="/" in path)
    if names == ("train", "test"):
        assert records(f"{tmp_path}/*.TAR.gz") == found
    else:
        with pytest.raises(RequestError, match=r"folder Training of .*set source\.train to Train"):
            work(f"{tmp_path}/*.TAR.gz")
    assert set(records(f"{tmp_path}/*.TAR.gz", train=None)) == {"train"}


def test_the_name_of_an_archive_is_that_of_its_file_without_the_ending() -> None:
    names = ["/a/train.tar", "s3://b/train.TAR.XZ", "train.tgz", "/a/train/", "train.zip"]
    assert {own_name(name) for name in names} == {"train"}
    assert own_name("/a/cats.v2.tar.zst") == "cats.v2"


def test_what_was_found_is_told_in_one_line(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = {
        "{split}/{name}/{i}.png": (
            "has pictures at train/<class>/<file> and test/<class>/<file>: "
            "2 classes (cat, dog), 14 train pictures, 6 test pictures"
        ),
        "{name}/{i}.png": "has pictures at <class>/<file>: 2 classes (cat, dog), 20 train pictures",
        "{split}/{i}{name}.png": "at train/<file> and test/<file>: 1 class (all), 14 train pictures",
    }
    for number, (layout, line) in enumerate(lines.items()):
        with caplog.at_level(logging.INFO):
            placed(made("folder", tmp_path / str(number), tree(layout)), **FREE)
        assert line in caplog.text
    caplog.clear()
    with caplog.at_level(logging.INFO):
        placed(made("folder", tmp_path / "none", tree("train/{name}/{i}.png")), **FREE)
    assert f"no folder test in {tmp_path}/none: it has no test split of its own" in caplog.text


def test_a_folder_that_is_stated_must_be_there_and_another_need_not(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, tree("training/{name}/{i}.png"))
    assert set(records(uri, train="training")) == {"train"}
    with pytest.raises(RequestError, match=r"pictures at test/<class>/<file> in .*, found"):
        work(uri, train="training", test="test")
    with pytest.raises(RequestError, match="pictures at train/<class>/<file>"):
        work(uri, train="train")
    # Nobody stated the test split's folder to be the only one.
    held = made("folder", tmp_path / "b", tree("test/{name}/{i}.png"))
    with pytest.raises(RequestError, match=r"pictures at train/<class>/<file> .* source\.train to"):
        work(held)


def test_classes_that_lie_above_the_folders_of_splits_are_refused(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, tree("{name}/{split}/{i}.png"))
    with pytest.raises(RequestError, match="the folder of a split in each of cat, dog"):
        work(uri)
    assert set(records(uri, class_depth=0)["train"].values()) == {"all"}


def test_a_large_class_of_the_name_train_is_not_taken_for_the_split(tmp_path: Path) -> None:
    files = {f"train/{i}.png": png(i) for i in range(30)}
    files |= {f"{name}/{i}.png": png(i) for name in ("bus", "car") for i in range(6)}
    uri = made("folder", tmp_path, files)
    with pytest.raises(RequestError, match=r"folder train of .* may be a split or a class"):
        work(uri)
    assert work(uri, train=None, test=None).class_names == ("bus", "car", "train")


def test_flat_archives_of_several_names_are_told_to_be_no_classes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for name in ("cat", "dog"):
        made("zip", tmp_path, {f"{i}.png": png(i) for i in range(3)})
        (tmp_path / "set.zip").rename(tmp_path / f"{name}.zip")
    work(f"{tmp_path}/*.zip")
    assert "the sources cat, dog are not taken for classes" in caplog.text
    caplog.clear()
    (tmp_path / "cat.zip").rename(tmp_path / "part-0.zip")
    (tmp_path / "dog.zip").rename(tmp_path / "part-1.zip")
    work(f"{tmp_path}/*.zip")
    assert "not taken for classes" not in caplog.text


def test_a_class_of_the_test_split_alone_counts_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    more = {f"test/bird/{i}.png": png(i) for i in range(3)}
    with caplog.at_level(logging.WARNING):
        found = placed(made("folder", tmp_path, tree("{split}/{name}/{i}.png") | more), **FREE)
    assert found.class_names == ("bird", "cat", "dog")
    assert "no picture of the training split" in caplog.text
    assert "is of 1 of its 3 classes: bird" in caplog.text


@pytest.mark.parametrize("names", [("-10", "-1", "2"), ("1.0", "2.0", "10.0"), ("B", "a", "b")])
def test_class_folders_are_in_the_order_that_all_formats_have(
    tmp_path: Path, names: tuple[str, ...]
) -> None:
    files = {f"{name}/{n}.png": png(n) for n, name in enumerate(names)}
    found = placed(made("folder", tmp_path, files), **FREE)
    assert found.class_names == names
    assert find_classes({as_value(n): 1 for n in names}, None, where="").names == tuple(
        map(as_value, names)
    )


def test_a_folder_without_pictures_is_no_class(tmp_path: Path) -> None:
    more = {
        "docs/a.txt": "not-an-image",
        "meta/a/list.txt": "not-an-image",
        "LICENSE": "not-an-image",
    }
    more |= {".cache/0.png": "hidden", "__MACOSX/cat/0.png": "hidden"}
    found = placed(
        made("tar", tmp_path, tree("{name}/{i}.png") | dict.fromkeys(more, png(1))), **FREE
    )
    assert found.class_names == CLASSES
    assert found.unused == {"hidden": 2, "not-an-image": 3}
    assert [len(c) for c in found.candidates["train"]] == [20]


def test_many_loose_pictures_beside_classes_are_refused_and_few_are_counted(tmp_path: Path) -> None:
    loose = {f"{i}.png": png(i) for i in range(5)}
    uri = made("folder", tmp_path, tree("{name}/{i}.png") | loose)
    with pytest.raises(
        RequestError, match=r"found 5 of 25, such as 0\.png: move them to <class>/<file>"
    ):
        placed(uri, **FREE)
    assert placed(uri, **FREE, most=0.2).unused == {"outside-class-folders": 5}


def test_a_depth_that_no_picture_has_is_refused(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, tree("{name}/{i}.png"))
    with pytest.raises(
        RequestError,
        match=r"pictures at <class>/<class>/<class>/<file> .* correct source\.class_depth",
    ):
        work(uri, class_depth=3)


def test_a_folder_that_may_be_a_split_or_a_class_is_refused(tmp_path: Path) -> None:
    files = tree("{name}/{i}.png") | {f"train/{i}.png": png(i + 201) for i in range(10)}
    uri = made("folder", tmp_path, files)
    with pytest.raises(
        RequestError,
        match=r"found 10 pictures in it and 20 beside it, such as in folder cat: set source\.train "
        "to train where it is the training split, to null where it is a class",
    ):
        work(uri)
    assert set(records(uri, train="train", max_bad_fraction=0.9)["train"].values()) == {"all"}
    for keys in ({"train": None}, {"train": None, "test": None}):
        assert set(records(uri, **keys)["train"].values()) == {"cat", "dog", "train"}
    # Stated classes, or a folder that is usual beside the training split, leave no doubt.
    assert len(records(uri, class_names=("cat", "dog", "train"))["train"]) == 30
    usual = made(
        "folder",
        tmp_path / "b",
        {f"{s}/{i}.png": png(i) for i in range(9) for s in ("train", "val")},
    )
    assert len(records(usual)["train"]) == 9


@pytest.mark.parametrize(
    "names", [("Training", "Testing"), ("seg_train", "seg_test"), ("TRAIN", "a")]
)
def test_folders_like_splits_are_not_taken_for_classes(
    tmp_path: Path, names: tuple[str, str]
) -> None:
    train, test = names
    files = {n.replace("train/", f"{train}/"): d for n, d in tree("{split}/{name}/{i}.png").items()}
    files = {n.replace("test/", f"{test}/"): d for n, d in files.items()}
    uri = made("folder", tmp_path, files)
    with pytest.raises(
        RequestError,
        match=rf"found it beside {test}: set source\.train to {train} and source\.test",
    ):
        work(uri)
    assert records(uri, train=train, test=test) == expected(split=True, named=True)
    assert set(records(uri, train=None)["train"].values()) == {train, test}


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        ("{name}/{i}", ""),
        ("{name}/{i}.png", ""),
        ("./images/{name}/{i}.png", ""),
        ("{name}\\{i}", "set/"),
    ],
)
def test_a_list_says_which_pictures_are_test(tmp_path: Path, line: str, prefix: str) -> None:
    """As of Food-101, whose meta/test.txt has a line `apple_pie/1011328`."""
    lines = [line.format(name=name, i=i) for name, i in LEVELS if i >= 7]
    text = "\ufeff" + "\r\n".join([*lines, "", "cat/none", "dog/none.png", lines[0]])
    files = tree(prefix + "images/{name}/{i}.png") | {prefix + "meta/test.txt": text.encode()}
    listed = f"{tmp_path}/out/{prefix}meta/test.txt"
    made("folder", tmp_path / "out", files)
    for kind, at in (("folder", listed), ("tar.gz", listed), ("tar.gz", "meta/test.txt")):
        uri = made(kind, tmp_path / "out", files)
        assert records(uri, test_list=at) == expected(split=True, named=True)
        assert work(uri, test_list=at).unused["listed-and-missing"] == 2


def test_a_list_may_divide_the_folder_of_the_training_split(tmp_path: Path) -> None:
    files = tree("images/{name}/{i}.png") | tree("masks/{name}/{i}.png")
    uri = made("folder", tmp_path / "set", files)
    (tmp_path / "test.txt").write_text("cat/8.png\nimages/dog/9.png")
    found = records(uri, train="images", test_list=f"{tmp_path}/test.txt", max_bad_fraction=0.9)
    assert sorted(found["test"]) == [LEVELS["cat", 8], LEVELS["dog", 9]]
    assert len(found["train"]) == 18


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("fox/1\n", r"found 1 lines that name none, such as fox/1; a picture is cat/0\.png"),
        ("", "found 0 lines that name none, such as none"),
        ("\n".join(f"{n}/{i}" for n, i in LEVELS), "found all 20 of them in the list"),
        ("\udcff", r"expected text in UTF-8 as source\.test_list"),
    ],
)
def test_a_list_that_does_not_divide_the_pictures_is_refused(
    tmp_path: Path, text: str, message: str
) -> None:
    uri = made("folder", tmp_path / "set", tree("{name}/{i}.png"))
    (tmp_path / "list.txt").write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(RequestError, match=message):
        work(uri, test_list=f"{tmp_path}/list.txt")
    with pytest.raises(
        RequestError, match=r"one file as source\.test_list, x\.txt, .* found 0 files"
    ):
        work(uri, test_list="x.txt")


def test_a_list_is_a_source_of_the_version(tmp_path: Path) -> None:
    uri = made("folder", tmp_path / "set", tree("{name}/{i}.png"))
    (tmp_path / "list.txt").write_text("cat/1")
    dataset = config(uri, test_list=f"{tmp_path}/list.txt")
    before = source_of(dataset).files(dataset)
    (tmp_path / "list.txt").write_text("cat/2, of other bytes")
    after = source_of(dataset).files(dataset)
    assert before["train"] == after["train"]
    assert before["test"] != after["test"]


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        ({"train": "a", "test": "a"}, "train and test must be two folders, found a for both"),
        ({"test": "a", "test_list": "b"}, "test or test_list must say what is test, found a and"),
        (
            {"train": None, "test": "a"},
            "train must name a folder where test does, found null and a",
        ),
        ({"class_depth": -1}, "class_depth"),
        ({"class_depth": 0, "class_names": CLASSES}, "found 2 names: correct one of them"),
        ({"test": "a", "test_fraction": 0.1}, "one test split"),
        ({"test_list": "a", "test_fraction": 0.1}, "one test split"),
    ],
)
def test_keys_that_contradict_each_other_are_refused(keys: dict[str, Any], message: str) -> None:
    with pytest.raises(RequestError, match=message):
        source_of(config("anywhere", **keys))


def test_a_test_split_that_is_found_and_one_to_be_cut_are_refused(tmp_path: Path) -> None:
    uri = made("folder", tmp_path / "a", tree("{split}/{name}/{i}.png"))
    with pytest.raises(RequestError, match=r"found test_fraction 0\.2, and a folder test in"):
        work(uri, test_fraction=0.2)
    dataset = config(made("folder", tmp_path / "b", tree("{name}/{i}.png")), test_fraction=0.2)
    assert list(source_of(dataset).files(dataset)) == ["train"]
    assert set(records(uri, test_fraction=0.2, test=None)) == {"train"}


def test_keys_at_their_defaults_are_not_in_a_manifest() -> None:
    """So a version that an older release made of the same request is found."""
    keys = set(source_of(config("a")).model_dump())
    assert keys == {"path", "train", "test", "resize", "background", "max_pixels"}
    stated = source_of(config("a", class_depth=0, test_list="b")).model_dump()
    assert (stated["class_depth"], stated["test_list"]) == (0, "b")


def test_files_without_an_ending_are_pictures_by_their_content(tmp_path: Path) -> None:
    bare = {
        name.removesuffix(".png"): data for name, data in tree("{split}/{name}/{i}.png").items()
    }
    assert records(made("tar", tmp_path, bare)) == expected(split=True, named=True)
    flat = {name.removesuffix(".png"): data for name, data in tree("{name}-{i}.png").items()}
    uri = made("folder", tmp_path / "flat", flat | {"README": b"pictures of pets"})
    (share,) = work(uri).shares
    (block,) = share.blocks()
    assert len(block.records.labels) == 20
    assert [(b.position, b.reason) for b in block.records.bad] == [("README", "unknown-type")]


def test_among_files_with_endings_one_without_is_looked_at_in_a_class_folder_only(
    tmp_path: Path,
) -> None:
    more = {
        "train/cat/bare": png(255),
        "LICENSE": b"free",
        "train/README": b"",
        "train/dog/NOTE": b"n",
    }
    more |= {"train/dog/deeper/bare": png(254), "train/cat/empty": b""}
    done = work(made("zip", tmp_path, tree("{split}/{name}/{i}.png") | more))
    assert done.unused == {"not-an-image": 3}
    blocks = [b.records for share in done.shares for b in share.blocks() if b.split == "train"]
    assert 255 in [level for r in blocks for level in r.data[:, 0]]
    bad = {b.position: (b.reason, b.record) for r in blocks for b in r.bad}
    assert bad == dict.fromkeys(("train/dog/NOTE", "train/cat/empty"), ("unknown-type", b""))


def test_names_of_folders_that_are_no_utf8_are_written_out(tmp_path: Path) -> None:
    files = {f"caf\udce9/{i}.png": png(i) for i in range(3)} | {
        f"b/{i}.png": png(i) for i in range(3)
    }
    assert placed(made("tar", tmp_path, files), **FREE).class_names == ("b", r"caf\xe9")
