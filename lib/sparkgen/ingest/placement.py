"""Decides which files of folders and archives are records, and refuses or counts the others.

Whatever is no record is counted by reason, and a request under which much is lost is refused before
the work begins.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.archives import MOST_BYTES
from sparkgen.ingest.class_folders import class_labels
from sparkgen.ingest.member import Member
from sparkgen.ingest.picture_paths import FolderRule, Spot, find_spots

MOST_SHOWN = 6  # folders or endings in a message

log = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """A member that may be a record, with its label, or with the reason why it cannot be one."""

    member: Member
    label: int
    reason: str | None = None


class Placement(NamedTuple):
    """The candidates of each split, a list for each source, and how much is not used, by reason."""

    candidates: dict[str, list[list[Candidate]]]
    unused: dict[str, int]


def place(listings: Sequence[list[Member]], rule: FolderRule) -> Placement:
    """Decides for every member of every source whether it is a candidate, and of which split.

    Args:
        listings: from `list_members`, one for each source.
        rule: the configuration.

    Raises:
        RequestError: a split without pictures, too many of them outside its class folders, or class
            folders that do not say which class they mean.
    """
    spots = find_spots(listings, rule)
    used = [s for s in spots if s.unused is None]
    folders = {k: {s.folder for s in used if s.split == k and s.folder} for k in rule.folders}
    labels = class_labels(folders, rule.class_names)
    found: dict[str, list[list[Candidate]]] = {s: [[] for _ in listings] for s in rule.folders}
    for spot in used:
        if spot.split is not None:
            label = labels.get(spot.folder or "", -1)
            candidate = Candidate(spot.member, label, spot.bad or _not_a_record(spot, label))
            found[spot.split][spot.source].append(candidate)
    for split in rule.folders:
        _refuse_no_pictures(split, spots, labels, rule)
        _refuse_loose_pictures(split, spots, rule)
    _warn_of_others(spots, rule)
    return Placement(found, dict(sorted(Counter(s.unused for s in spots if s.unused).items())))


def _not_a_record(spot: Spot, label: int) -> str | None:
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
    split: str, spots: list[Spot], labels: dict[str, int], rule: FolderRule
) -> None:
    """Refuses a split of which no picture lies in the folder of a class."""
    inside = [s for s in spots if s.split == split and s.is_picture and s.unused is None]
    if any(s.folder in labels for s in inside):
        return
    folder = rule.folders[split]
    folders = {s.folder for s in inside if s.folder}
    if folders:
        raise RequestError(
            f"class folders in {folder} of {rule.path} that bear one of the names "
            f"{_shown(rule.class_names)}, or a number from 0 to {len(rule.class_names) - 1}",
            found=_shown(sorted(folders)),
            mend="correct dataset.class_names or the names of the folders",
        )
    mend = f"set source.{split} to the folder of that split"
    if split == "test":
        mend += ", or to null where there is none"
    if not any(s.is_picture for s in spots):
        mend = (
            "set source.path to the folder or archive that holds pictures, or to a glob of several"
        )
    raise RequestError(
        f"pictures at {folder}/<class>/<file> in {rule.path}, the {split} split",
        found=_what_is_there(spots),
        mend=mend,
    )


def _refuse_loose_pictures(split: str, spots: list[Spot], rule: FolderRule) -> None:
    """Refuses a split of which many pictures lie in no class folder."""
    pictures = [s for s in spots if s.split == split and s.is_picture and s.unused != "hidden"]
    loose = [s for s in pictures if s.unused == "outside-class-folders"]
    if len(loose) > rule.most_unused * len(pictures):
        raise RequestError(
            f"a share of at most {rule.most_unused} (dataset.max_bad_fraction) of the pictures "
            f"in {rule.folders[split]} of {rule.path} outside class folders",
            found=f"{len(loose)} of {len(pictures)}, such as {printable(loose[0].member.name)}",
            mend=f"move them to {rule.folders[split]}/<class>/<file>, or raise the share",
        )


def _warn_of_others(spots: list[Spot], rule: FolderRule) -> None:
    """Warns where many pictures lie in the folder of no split."""
    pictures = [s for s in spots if s.is_picture and s.unused != "hidden"]
    others = [s for s in pictures if s.unused in ("other-split", "outside-split-folders")]
    if len(others) > rule.most_unused * len(pictures):
        log.warning(
            "%d of the %d pictures in %s are not used: they lie in the folder of no split (%s): %s",
            len(others),
            len(pictures),
            rule.path,
            ", ".join(rule.folders.values()),
            _what_is_there(others),
        )


def _what_is_there(spots: list[Spot]) -> str:
    """In which folders pictures lie; where there are none, how the names of the files end."""
    pictures = [s.parts[:-1] for s in spots if s.is_picture]
    if pictures:
        many = len(set(pictures)) > MOST_SHOWN
        folders = Counter((*p[:-1], "*") if many else p for p in pictures)
        return "pictures in " + _counted({"/".join(k) or ".": n for k, n in folders.items()})
    endings = Counter(PurePosixPath(s.member.name).suffix or "no ending" for s in spots)
    return f"no picture, but files that end with {_counted(endings)}" if endings else "nothing"


def _counted(counts: Mapping[str, int]) -> str:
    ordered = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    return _shown([f"{name} ({count})" for name, count in ordered])


def _shown(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(map(printable, names[:MOST_SHOWN])) + more


def printable(name: str) -> str:
    """A name with the bytes written out that are no UTF-8."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
