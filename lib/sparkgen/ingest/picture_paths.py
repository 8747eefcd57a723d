"""Finds the split and the class of each file of folders and archives, or why it is not used.

A record lies at `<split>/<class>/<file>`, whatever lies above the split, in the class folder itself
or in folders below it.
"""

from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.ingest.decode import EXTENSIONS
from sparkgen.ingest.member import Member

HIDDEN = (".", "__")  # how names begin that are no data, unless a class has such a name


class FolderRule(NamedTuple):
    """The part of the configuration that names split and class folders; `path` is for messages only."""

    path: str
    folders: dict[str, str]
    """The folder of each split."""
    class_names: tuple[str, ...]
    most_unused: float
    """The share of the pictures in a split's folder that may lie outside its class folders."""


class Spot(NamedTuple):
    """A member with its place: the source by number, and the parts of its path.

    `is_picture` goes by the ending of its name. It has a `split` and a class `folder`, known or not,
    or it is not used for the reason `unused`. `bad` says why it is refused wherever it lies.
    """

    source: int
    member: Member
    parts: tuple[str, ...]
    is_picture: bool
    split: str | None = None
    folder: str | None = None
    bad: str | None = None
    unused: str | None = None


def find_spots(listings: Sequence[list[Member]], rule: FolderRule) -> list[Spot]:
    """The place of every member of every source, in order."""
    spots = [spot for n, members in enumerate(listings) for spot in _spots(n, members, rule)]
    # Of files with one path in one archive the last is used, as it is where one unpacks the archive;
    # `tar -u` and `tar -r` replace files in this way.
    last = {(s.source, s.parts): n for n, s in enumerate(spots) if s.bad is None}
    return [
        s._replace(unused="replaced")
        if s.bad is None and s.unused is None and last[s.source, s.parts] != n
        else s
        for n, s in enumerate(spots)
    ]


def _spots(source: int, members: list[Member], rule: FolderRule) -> Iterator[Spot]:
    splits = {folder: split for split, folder in rule.folders.items()}
    classes = {*rule.class_names, *map(str, range(len(rule.class_names)))}
    for member in members:
        parts = PurePosixPath(member.name.replace("\\", "/")).parts
        at = _class_folder(parts, splits, classes)
        split, folder = (None, None) if at is None else (splits[parts[at - 1]], parts[at])
        is_picture = member.name.lower().endswith(EXTENSIONS)
        spot = Spot(source, member, parts, is_picture, split, folder)
        bad = _unsafe(member, parts)
        if bad is not None:
            yield spot._replace(split=split or "train", folder=None, bad=bad)
        elif any(part.startswith(HIDDEN) and part not in classes for part in parts):
            yield spot._replace(unused="hidden")
        elif at is not None and (is_picture or at == len(parts) - 2):
            yield spot
        else:
            yield _unplaced(spot, splits, classes)


def _class_folder(parts: tuple[str, ...], splits: dict[str, str], classes: set[str]) -> int | None:
    """Which part is the class folder: the last below a split's folder, if possible a known one."""
    below = [i for i in range(len(parts) - 2, 0, -1) if parts[i - 1] in splits]
    return next((i for i in below if parts[i] in classes), below[0] if below else None)


def _unplaced(spot: Spot, splits: dict[str, str], classes: set[str]) -> Spot:
    """A member outside the class folders of the splits, with the reason."""
    folder = next((part for part in spot.parts[:-1] if part in splits), None)
    if not spot.is_picture:
        return spot._replace(split=None, unused=spot.member.fault or "not-an-image")
    if folder is not None:
        return spot._replace(split=splits[folder], unused="outside-class-folders")
    other = any(part in classes for part in spot.parts[1:-1])
    return spot._replace(unused="other-split" if other else "outside-split-folders")


def _unsafe(member: Member, parts: tuple[str, ...]) -> str | None:
    if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
        return "path-escape"
    return "link-member" if member.fault == "link-member" else None
