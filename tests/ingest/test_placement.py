"""Where pictures lie: which are records, which class a folder means, and what is told of the rest."""

import logging
from pathlib import Path

import pytest
from archive_files import made, placed, png

from sparkgen.errors import RequestError
from sparkgen.ingest.trees.class_folders import class_labels
from sparkgen.ingest.trees.placement import Candidate, Placement

SOME = {
    f"{s}/{c}/{i}.png": png(i) for s in ("train", "test") for c in ("cat", "dog") for i in range(9)
}


def labels_of(found: Placement, split: str = "train") -> dict[str, int]:
    """The label of every candidate without a fault, by its name."""
    candidates = [c for source in found.candidates[split] for c in source]
    return {c.member.name: c.label for c in candidates if c.reason is None}


@pytest.mark.parametrize("kind", ["folder", "tar"])
def test_pictures_below_a_class_folder_belong_to_its_class(tmp_path: Path, kind: str) -> None:
    deeper = {
        "train/dog/images/1.png": 1,
        "train/cat/a/b/c/2.png": 0,
        "train/cat/train/3.png": 0,
        "train/cat/test/4.png": 0,
    }
    uri = made(kind, tmp_path, SOME | dict.fromkeys(deeper, png(1)))
    found = placed(uri)
    assert {name: label for name, label in labels_of(found).items() if name in deeper} == deeper
    assert len(labels_of(found)) == 18 + 4
    assert len(labels_of(found, "test")) == 18
    assert found.unused == {}


@pytest.mark.parametrize("prefix", ["", "set/", "./", "train/", "cat/train/test/"])
def test_whatever_lies_above_the_splits_does_not_matter(tmp_path: Path, prefix: str) -> None:
    found = placed(made("tar", tmp_path, {prefix + name: data for name, data in SOME.items()}))
    for split in ("train", "test"):
        assert sorted(labels_of(found, split).values()) == [0] * 9 + [1] * 9
    assert found.unused == {}


def test_what_is_not_used_is_counted_by_reason(tmp_path: Path) -> None:
    others = {
        "LICENSE": "not-an-image",
        "train/cat/notes/a.txt": "not-an-image",
        "train/.DS_Store": "hidden",
        "__MACOSX/train/cat/._0.png": "hidden",
        "val/cat/0.png": "other-split",
        "val/cat/more/1.png": "other-split",
        "docs/figure.png": "outside-split-folders",
        "logo.png": "outside-split-folders",
        "train/sheet.png": "outside-class-folders",
    }
    found = placed(made("folder", tmp_path, SOME | dict.fromkeys(others, png(1))), most=0.2)
    reasons = list(others.values())
    assert found.unused == {reason: reasons.count(reason) for reason in sorted(set(reasons))}
    assert len(labels_of(found)) == len(labels_of(found, "test")) == 18


def test_a_class_may_have_a_name_that_hides_other_files(tmp_path: Path) -> None:
    background = {
        f"{s}/__background__/{i}.png": png(1) for s in ("train", "test") for i in range(9)
    }
    uri = made("folder", tmp_path, SOME | background)
    found = placed(uri, names=("__background__", "cat", "dog"))
    assert sorted(labels_of(found).values()) == [0] * 9 + [1] * 9 + [2] * 9
    assert placed(uri).unused == {"hidden": 18}


def test_many_pictures_outside_class_folders_are_refused(tmp_path: Path) -> None:
    loose = {f"train/{i:03}.png": png(1) for i in range(500)}
    with pytest.raises(
        RequestError,
        match=r"at most 0\.01 .* in train of .*, found 500 of 518, such as train/000\.png",
    ):
        placed(made("folder", tmp_path, SOME | loose))


def test_many_pictures_in_other_folders_are_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    others = {f"val/cat/{i}.png": png(1) for i in range(4)}
    with caplog.at_level(logging.WARNING):
        placed(made("folder", tmp_path, SOME | others))
    assert "4 of the 40 pictures" in caplog.text
    assert "pictures in val/cat (4)" in caplog.text
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        placed(str(tmp_path), most=0.1)
    assert not caplog.text


def test_a_split_that_is_not_there_is_refused_with_what_is(tmp_path: Path) -> None:
    uri = made("folder", tmp_path, {n: d for n, d in SOME.items() if n.startswith("train")})
    with pytest.raises(
        RequestError,
        match=r"pictures at test/<class>/<file> in .*, the test split, found pictures in "
        r"train/cat \(9\), train/dog \(9\): set source\.test to the folder of that split, or to null",
    ):
        placed(uri)
    assert len(labels_of(placed(uri, splits={"train": "train"}))) == 18
    with pytest.raises(
        RequestError, match=r"training/<class>/<file> .* found pictures in train/cat"
    ):
        placed(uri, splits={"train": "training"})
    many = {f"a/{c}/{c}/1.png": png(1) for c in "bcdefgh"}
    with pytest.raises(RequestError, match=r"found pictures in a/b/\* \(1\), .* and 1 more: "):
        placed(made("folder", tmp_path / "many", many))
    shards = made("folder", tmp_path / "shards", {"a.tar": b"", "b.tar": b"", "c.md": b""})
    with pytest.raises(
        RequestError, match=r"files that end with \.tar \(2\), \.md \(1\): set source\.path to"
    ):
        placed(shards)


def test_class_folders_of_which_none_is_known_are_refused_with_their_names(tmp_path: Path) -> None:
    with pytest.raises(
        RequestError, match=r"one of the names owl, fox, or a number from 0 to 1, found cat, dog:"
    ):
        placed(made("folder", tmp_path, SOME), names=("owl", "fox"))


def test_pictures_of_an_unknown_class_and_other_files_of_a_class_go_to_quarantine(
    tmp_path: Path,
) -> None:
    odd = {"train/fox/a.png": "unknown-label", "train/fox/b/c.png": "unknown-label"}
    odd |= {"train/cat/Thumbs.db": "unknown-type"}
    found = placed(made("folder", tmp_path, SOME | dict.fromkeys(odd, png(1))))
    bad: list[Candidate] = [c for c in found.candidates["train"][0] if c.reason]
    assert {c.member.name: c.reason for c in bad} == odd
    assert found.unused == {}


def labels(class_names: tuple[str, ...], *splits: set[str]) -> dict[str, int]:
    return class_labels(dict(zip(("train", "test"), splits, strict=False)), class_names)


def test_folders_bear_names_or_numbers() -> None:
    digits = tuple("0123456789")
    assert labels(digits, set(digits))["7"] == 7
    assert labels(("cat", "dog"), {"cat", "dog"})["dog"] == 1
    assert labels(("cat", "dog"), {"0", "1"})["1"] == 1
    assert labels(("cat", "dog"), {"0", "dog"}) == {"0": 0, "1": 1, "cat": 0, "dog": 1}
    # Names are looked at first: all folders are names here, though "1" is a number, too.
    names = labels(("1", "2"), {"1", "2"}, {"1", "2", "other"})
    assert (names["1"], names["2"]) == (0, 1)


@pytest.mark.parametrize("folders", [({"0", "1"},), ({"0", "1", "2"},), ({"1", "2"}, {"0"})])
def test_folders_that_may_be_the_name_of_one_class_and_the_number_of_another_are_refused(
    folders: tuple[set[str], ...],
) -> None:
    with pytest.raises(
        RequestError,
        match="found folder 0, which can only be a number, beside folder 1, which is the name of "
        "class number 0, and class number 1 is 2",
    ):
        labels(("1", "2"), *folders)


def test_two_folders_of_one_class_are_refused_within_a_split_only() -> None:
    with pytest.raises(
        RequestError, match="one folder for class dog in the train split, found 1 and"
    ):
        labels(("cat", "dog"), {"cat", "1", "dog"})
    assert labels(("cat", "dog"), {"cat", "dog"}, {"0", "1"})["1"] == 1
