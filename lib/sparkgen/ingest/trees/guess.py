"""Finds the keys of `source` that pictures in folders need, by the names of the folders."""

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any, NamedTuple

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.files.archives import own_name
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.files.split_words import SPLITS
from sparkgen.ingest.trees.layout import OTHER_SPLITS, FolderRule, Parts, PictureLayout
from sparkgen.ingest.trees.paths import Spot, find_spots
from sparkgen.ingest.trees.test_list import read_test_list, split_by_list

STANDARD = {"train": "train", "test": "test"}
TEST_LIST = re.compile(r"(^|[/_.-])test[^/]*\.txt$", re.IGNORECASE)
MOST_LISTS = 4  # texts that are read to see whether they list pictures
BRANCHES = 2  # folders in one of the level above, at least, for a level that is part of a class


class Guess(NamedTuple):
    """Keys of a source of pictures that are not default, and the layout, in words."""

    keys: dict[str, Any]
    layout: str


def guess_layout(path: str, listings: Mapping[str, list[Member]]) -> Guess:
    """How the pictures of folders and archives are laid out.

    Args:
        path: the folder, archive or glob, for messages.
        listings: the members of each folder and archive.

    Raises:
        RequestError: it cannot be told.
    """
    folders = {**STANDARD, **_split_folders(listings)}
    keys: dict[str, Any] = {s: name for s, name in folders.items() if STANDARD[s] != name}
    try:
        spots, layout = _spots(path, listings, folders)
        unused = sum(s.unused is not None and not _is_of_other_split(s) for s in spots)
    except RequestError:  # a folder that may be a split or a class
        spots, unused = [], 1
    if 2 * unused > len(spots) and (keys or not spots):
        keys = {"train": None}  # `training` is a class beside others
        spots, layout = _spots(path, listings, {"train": ""})
    told = "pictures at " + " and ".join(layout.pattern(split) for split in layout.folders)
    listed = _test_list(path, listings, spots) if layout.folders == {"train": ""} else None
    if listed is not None:
        keys["test_list"] = listed
        told = f"{told}; {PurePosixPath(listed).name} lists the test split"
    if layout.depth == 0:
        return Guess(keys, told)
    by_split = {s: _class_folders(spots, s) for s in layout.folders}
    if by_split.get("test") and not by_split["train"] & by_split["test"]:
        told = (
            f"{told}; the folders of {layout.folders['test']} are no classes of the training split"
        )
        keys["test"] = None
    depth = _depth([s for s in spots if s.split == "train"])
    if depth > 1:
        keys["class_depth"] = depth
        told = f"{told}; class folders lie in {depth} levels, class_depth: 1 takes the first alone"
    return Guess(keys, told)


def _spots(
    path: str, listings: Mapping[str, list[Member]], folders: dict[str, str]
) -> tuple[list[Spot], PictureLayout]:
    """The places of all pictures that are not hidden, and the layout."""
    most = DatasetConfig.model_fields["max_bad_fraction"].default
    optional = frozenset(s for s, name in folders.items() if STANDARD[s] == name)
    names = tuple(map(own_name, listings)) if len(listings) > 1 else ()
    rule = FolderRule(path, folders, None, most, None, optional, names=names)
    layout, spots = find_spots(list(listings.values()), rule)
    return [s for s in spots if s.is_picture and s.unused != "hidden"], layout


def _is_of_other_split(spot: Spot) -> bool:
    return bool(OTHER_SPLITS & {part.lower() for part in spot.parts[:-1]})


def _split_folders(listings: Mapping[str, list[Member]]) -> dict[str, str]:
    """The folder of each split by the words of `SPLITS`, `train` among them; none without that."""
    paths = {
        m.name.replace("\\", "/").rpartition("/")[0] for found in listings.values() for m in found
    }
    names = {part for path in paths for part in path.split("/")}
    if len(listings) > 1:
        names |= {*map(own_name, listings)}
    tops = {name.lower(): name for name in sorted(names, reverse=True)}
    found: dict[str, str] = {}
    for word, split in SPLITS.items():
        if word in tops:
            found.setdefault(split, tops[word])
    if "train" not in found:
        return {}
    test = found.get("test") or found.get("validation")
    return {"train": found["train"], **({"test": test} if test else {})}


def _test_list(path: str, listings: Mapping[str, list[Member]], spots: list[Spot]) -> str | None:
    """The path of a text within the sources that lists the test split; None: there is none."""
    texts = [m.name for found in listings.values() for m in found if TEST_LIST.search(m.name)]
    for name in texts[:MOST_LISTS]:
        try:
            lines = read_test_list(name, list(listings), list(listings.values()))
            _, missing = split_by_list(spots, lines, path)
        except SparkgenError:
            continue
        if 2 * missing <= len(lines):
            return name
    return None


def _class_folders(spots: Sequence[Spot], split: str) -> set[str]:
    return {s.folder for s in spots if s.split == split and s.unused is None and s.folder}


def _depth(spots: Sequence[Spot]) -> int:
    """How many levels of folders make a class: all pictures lie as deep, and each level branches."""
    paths: list[Parts] = [s.parts[s.start : -1] for s in spots if s.unused is None]
    if len({len(path) for path in paths}) != 1:
        return 1
    counts = [len({path[:depth] for path in paths}) for depth in range(1, len(paths[0]) + 1)]
    depth = 1
    while depth < len(counts) and counts[depth] >= BRANCHES * counts[depth - 1]:
        depth += 1
    return depth if 2 * counts[depth - 1] <= len(paths) else 1
