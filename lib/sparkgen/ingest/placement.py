"""Which files of folders and archives are records, of which split and class, and what is not used.

A record lies at `<split>/<class>/<file>`, whatever lies above the split, in the class folder itself
or in folders below it. Whatever is no record is counted by reason, and a request under which much
is lost is refused before the work begins.
"""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.archives import MOST_BYTES
from sparkgen.ingest.class_folders import class_labels
from sparkgen.ingest.decode import EXTENSIONS
from sparkgen.ingest.member import Member

HIDDEN = (".", "__")  # how the names begin of what programs leave for themselves
MOST_SHOWN = 6  # folders or endings in a message

log = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """A member that should be a record: its label, or why it is none."""

    member: Member
    label: int
    reason: str | None = None


class Placement(NamedTuple):
    """The candidates of each split, a list for each source, and how much is not used, by reason."""

    candidates: dict[str, list[list[Candidate]]]
    unused: dict[str, int]


class Rules(NamedTuple):
    """What the configuration says of places: `path` is for messages only."""

    path: str
    folders: dict[str, str]
    """The folder of each split."""
    class_names: tuple[str, ...]
    most_unused: float
    """The share of the pictures in a split's folder that may lie outside its class folders."""


class _Spot(NamedTuple):
    """A member with its place: `split` and class `folder`, and why it is bad or not used."""

    source: int
    member: Member
    parts: tuple[str, ...]
    split: str | None = None
    folder: str | None = None
    bad: str | None = None
    unused: str | None = None

    @property
    def is_picture(self) -> bool:
        return self.member.name.lower().endswith(EXTENSIONS)


def place(listings: Sequence[list[Member]], rules: Rules) -> Placement:
    """The place of every member of every source.

    Args:
        listings: from `list_members`, one for each source.
        rules: the configuration.

    Raises:
        RequestError: a split without pictures, too many of them outside its class folders, or class
            folders that do not say which class they mean.
    """
    spots = _without_replaced(
        [s for n, found in enumerate(listings) for s in _spots(n, found, rules)]
    )
    labels = class_labels(
        {s: {p.folder for p in spots if p.split == s and p.folder} for s in rules.folders},
        rules.class_names,
    )
    found: dict[str, list[list[Candidate]]] = {s: [[] for _ in listings] for s in rules.folders}
    for spot in spots:
        if spot.unused is None and spot.split is not None:
            label = labels.get(spot.folder or "", -1)
            candidate = Candidate(spot.member, label, spot.bad or _not_a_record(spot, label))
            found[spot.split][spot.source].append(candidate)
    for split in rules.folders:
        _refuse_no_pictures(split, spots, labels, rules)
        _refuse_loose_pictures(split, spots, rules)
    _warn_of_others(spots, rules)
    return Placement(found, dict(sorted(Counter(s.unused for s in spots if s.unused).items())))


def _spots(source: int, members: list[Member], rules: Rules) -> Iterator[_Spot]:
    splits = {folder: split for split, folder in reversed(rules.folders.items())}
    classes = {*rules.class_names, *map(str, range(len(rules.class_names)))}
    for member in members:
        parts = PurePosixPath(member.name.replace("\\", "/")).parts
        at = _class_folder(parts, splits, classes)
        split = None if at is None else splits[parts[at - 1]]
        spot = _Spot(source, member, parts, split, None if at is None else parts[at])
        bad = _unsafe(member, parts)
        if bad is not None:
            yield spot._replace(split=split or "train", folder=None, bad=bad)
        elif any(part.startswith(HIDDEN) for part in parts):
            yield spot._replace(unused="hidden")
        elif at is not None and (spot.is_picture or at == len(parts) - 2):
            yield spot
        else:
            yield _unplaced(spot, splits, classes)


def _class_folder(parts: tuple[str, ...], splits: dict[str, str], classes: set[str]) -> int | None:
    """Which part is the class folder: the last below a split's folder, if possible a known one."""
    below = [i for i in range(len(parts) - 2, 0, -1) if parts[i - 1] in splits]
    return next((i for i in below if parts[i] in classes), below[0] if below else None)


def _unplaced(spot: _Spot, splits: dict[str, str], classes: set[str]) -> _Spot:
    """A member outside the class folders of the splits, with the reason."""
    folder = next((part for part in spot.parts[:-1] if part in splits), None)
    if not spot.is_picture:
        return spot._replace(split=None, unused="not-an-image")
    if folder is not None:
        return spot._replace(split=splits[folder], unused="outside-class-folders")
    other = any(part in classes for part in spot.parts[1:-1])
    return spot._replace(unused="other-split" if other else "outside-split-folders")


def _without_replaced(spots: list[_Spot]) -> list[_Spot]:
    """The spots, where of records with one path in one archive only the last is used.

    So it is when the archive is unpacked; `tar -u` and `tar -r` replace files in this way.
    """
    last = {(s.source, s.parts): n for n, s in enumerate(spots) if s.bad is None}
    return [
        s._replace(unused="replaced")
        if s.bad is None and s.unused is None and last[s.source, s.parts] != n
        else s
        for n, s in enumerate(spots)
    ]


def _unsafe(member: Member, parts: tuple[str, ...]) -> str | None:
    if ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":")):
        return "path-escape"
    return "link-member" if member.fault == "link-member" else None


def _not_a_record(spot: _Spot, label: int) -> str | None:
    if not spot.is_picture:
        return "unknown-type"
    if label < 0:
        return "unknown-label"
    if spot.member.fault is not None:
        return spot.member.fault
    if spot.member.size == 0:
        return "empty-image"
    return "decompression-bomb" if spot.member.size > MOST_BYTES else None


def _refuse_no_pictures(
    split: str, spots: list[_Spot], labels: dict[str, int], rules: Rules
) -> None:
    """Refuses a split of which no picture lies in the folder of a class."""
    inside = [s for s in spots if s.split == split and s.is_picture and s.unused is None]
    if any(s.folder in labels for s in inside):
        return
    folder = rules.folders[split]
    folders = {s.folder for s in inside if s.folder}
    if folders:
        raise RequestError(
            f"class folders in {folder} of {rules.path} that bear one of the names "
            f"{_shown(rules.class_names)}, or a number from 0 to {len(rules.class_names) - 1}",
            found=_shown(sorted(folders)),
            mend="correct dataset.class_names or the names of the folders",
        )
    none = ", or to null where there is none" if split == "test" else ""
    raise RequestError(
        f"pictures at {folder}/<class>/<file> in {rules.path}, the {split} split",
        found=_what_is_there(spots),
        mend=f"set source.{split} to the folder of that split{none}",
    )


def _refuse_loose_pictures(split: str, spots: list[_Spot], rules: Rules) -> None:
    """Refuses a split of which many pictures lie in no class folder."""
    pictures = [s for s in spots if s.split == split and s.is_picture and s.unused != "hidden"]
    loose = [s for s in pictures if s.unused == "outside-class-folders"]
    if len(loose) > rules.most_unused * len(pictures):
        raise RequestError(
            f"a share of at most {rules.most_unused} (dataset.max_bad_fraction) of the pictures "
            f"in {rules.folders[split]} of {rules.path} outside class folders",
            found=f"{len(loose)} of {len(pictures)}, such as {printable(loose[0].member.name)}",
            mend=f"move them to {rules.folders[split]}/<class>/<file>, or raise the share",
        )


def _warn_of_others(spots: list[_Spot], rules: Rules) -> None:
    """Warns where many pictures lie in the folder of no split."""
    pictures = [s for s in spots if s.is_picture and s.unused != "hidden"]
    others = [s for s in pictures if s.unused in ("other-split", "outside-split-folders")]
    if len(others) > rules.most_unused * len(pictures):
        log.warning(
            "%d of the %d pictures in %s are not used: they lie in the folder of no split (%s): %s",
            len(others),
            len(pictures),
            rules.path,
            ", ".join(rules.folders.values()),
            _what_is_there(others),
        )


def _what_is_there(spots: list[_Spot]) -> str:
    """Where pictures are, by the folders that hold class folders; else the endings of the files."""
    pictures = [s for s in spots if s.is_picture]
    if pictures:
        folders = Counter("/".join((*s.parts[:-2], "*")[-3:]) for s in pictures)
        return "pictures in " + _shown([f"{printable(k)} ({n})" for k, n in _most(folders)])
    endings = Counter(PurePosixPath(s.member.name).suffix or "none" for s in spots)
    if not endings:
        return "nothing"
    return "no picture, but files that end with " + _shown(
        [f"{k} ({n})" for k, n in _most(endings)]
    )


def _most(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(names[:MOST_SHOWN]) + more


def printable(name: str) -> str:
    """A name with the bytes written out that are no UTF-8."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
