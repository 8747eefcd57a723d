"""Decides which files of folders and archives are records, and refuses or counts the others.

Whatever is no record is counted by reason, and a request under which much is lost is refused before
the work begins.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.config.dataset import NO_CLASSES
from sparkgen.errors import RequestError
from sparkgen.ingest.archives import fault_of
from sparkgen.ingest.class_folders import class_labels, sorted_classes
from sparkgen.ingest.image_formats import ending
from sparkgen.ingest.member import Member
from sparkgen.ingest.picture_layout import NO_CLASS, FolderRule, PictureLayout
from sparkgen.ingest.picture_paths import Spot, find_spots
from sparkgen.ingest.test_list import split_by_list

MOST_SHOWN = 6  # folders or endings in a message

log = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """A member that may be a record, with its label, or with the reason why it cannot be one."""

    member: Member
    label: int
    reason: str | None = None


class Placement(NamedTuple):
    """The candidates of each split, a list for each source, and how much is not used, by reason.

    `class_names` are in the order of the labels: those of the rule, or those of the folders.
    """

    candidates: dict[str, list[list[Candidate]]]
    unused: dict[str, int]
    class_names: tuple[str, ...]


def place(listings: Sequence[list[Member]], rule: FolderRule) -> Placement:
    """Decides for every member of every source whether it is a candidate, and of which split.

    Args:
        listings: from `list_members`, one for each source.
        rule: the configuration.

    Raises:
        RequestError: a split without pictures, too many of them outside its class folders, or class
            folders that do not say which class they mean.
    """
    layout, spots = find_spots(listings, rule)
    missing = 0
    if rule.test_list is not None:
        spots, missing = split_by_list(spots, rule.test_list)
        _refuse_list(spots, layout, rule)
    used = [s for s in spots if s.unused is None]
    labels, names = _classes(used, layout, rule)
    splits = [s for s in rule.splits if s in layout.folders or rule.test_list is not None]
    found: dict[str, list[list[Candidate]]] = {s: [[] for _ in listings] for s in splits}
    for spot in used:
        if spot.split is not None:
            label = labels.get(spot.folder, -1) if spot.folder is not None else -1
            candidate = Candidate(spot.member, label, spot.bad or _not_a_record(spot, label))
            found[spot.split][spot.source].append(candidate)
    for split in layout.folders:
        _refuse_no_pictures(split, spots, labels, layout, rule)
        _refuse_loose_pictures(split, spots, layout, rule)
    _warn_of_others(spots, layout, rule)
    _tell(found, names, layout, rule)
    unused = Counter(s.unused for s in spots if s.unused) + Counter({"listed-and-missing": missing})
    return Placement(found, dict(sorted(unused.items())), names)


def _classes(
    used: list[Spot], layout: PictureLayout, rule: FolderRule
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The label of every folder that means a class, and the names of the classes."""
    if layout.depth == 0:
        return {NO_CLASS: 0}, rule.class_names or NO_CLASSES
    if rule.class_names is None:
        folders = sorted_classes({s.folder for s in used if s.is_picture and s.folder})
        return {f: n for n, f in enumerate(folders)}, tuple(map(printable, folders))
    by_split = {k: {s.folder for s in used if s.split == k and s.folder} for k in rule.splits}
    return class_labels(by_split, rule.class_names), rule.class_names


def _not_a_record(spot: Spot, label: int) -> str | None:
    if not spot.is_picture and (label < 0 or spot.member.fault or not spot.member.size):
        return "unknown-type"
    if not spot.is_picture and ending(spot.parts[-1]):
        return "unknown-type"  # without an ending, the content says whether it is a picture
    if label < 0:
        return "unknown-label"
    return fault_of(spot.member)


def _refuse_no_pictures(
    split: str, spots: list[Spot], labels: dict[str, int], layout: PictureLayout, rule: FolderRule
) -> None:
    """Refuses a split of which no picture lies in the folder of a class."""
    inside = [s for s in spots if s.split == split and s.is_picture and s.unused is None]
    if any(s.folder in labels for s in inside):
        return
    folder = layout.folders[split]
    folders = {s.folder for s in inside if s.folder}
    if folders:
        names = rule.class_names or ()
        raise RequestError(
            f"class folders in {_inside(folder, rule)} that bear one of the names "
            f"{_shown(names)}, or a number from 0 to {len(names) - 1}",
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
    elif layout.depth > 1 or not folder:
        mend = "correct source.class_depth or dataset.class_names"
    raise RequestError(
        f"pictures at {layout.pattern(split)} in {rule.path}, the {split} split",
        found=_what_is_there(spots),
        mend=mend,
    )


def _refuse_loose_pictures(
    split: str, spots: list[Spot], layout: PictureLayout, rule: FolderRule
) -> None:
    """Refuses a split of which many pictures lie in no class folder."""
    pictures = [s for s in spots if s.split == split and s.is_picture and s.unused != "hidden"]
    loose = [s for s in pictures if s.unused == "outside-class-folders"]
    if len(loose) > rule.most_unused * len(pictures):
        raise RequestError(
            f"a share of at most {rule.most_unused} (dataset.max_bad_fraction) of the pictures "
            f"in {_inside(layout.folders[split], rule)} outside class folders",
            found=f"{len(loose)} of {len(pictures)}, such as {printable(loose[0].member.name)}",
            mend=f"move them to {layout.pattern(split)}, or raise the share",
        )


def _inside(folder: str, rule: FolderRule) -> str:
    return f"{folder} of {rule.path}" if folder else rule.path


def _refuse_list(spots: list[Spot], layout: PictureLayout, rule: FolderRule) -> None:
    """Refuses a list of test pictures that names none of them, or all."""
    used = [s for s in spots if s.is_picture and s.unused is None and s.split is not None]
    listed = sum(s.split == "test" for s in used)
    if listed == 0:
        lines = sorted(rule.test_list or ())
        example = printable(used[0].member.name) if used else "none"
        raise RequestError(
            f"paths of pictures in {rule.path} in the lines of source.test_list",
            found=f"{len(lines)} lines that name none, such as {_shown(lines[:1]) or 'none'}; a "
            f"picture is {example}",
            mend="correct source.test_list or its lines",
        )
    if listed == len(used):
        raise RequestError(
            f"pictures in {rule.path} beside those of source.test_list, for the training split",
            found=f"all {listed} of them in the list",
            mend="correct source.test_list or source.path",
        )


def _warn_of_others(spots: list[Spot], layout: PictureLayout, rule: FolderRule) -> None:
    """Warns where many pictures lie in the folder of no split."""
    pictures = [s for s in spots if s.is_picture and s.unused != "hidden"]
    others = [s for s in pictures if s.unused in ("other-split", "outside-split-folders")]
    if len(others) > rule.most_unused * len(pictures):
        log.warning(
            "%d of the %d pictures in %s are not used: they lie in the folder of no split (%s): %s",
            len(others),
            len(pictures),
            rule.path,
            ", ".join(layout.folders.values()),
            _what_is_there(others),
        )


def _tell(
    found: dict[str, list[list[Candidate]]],
    names: tuple[str, ...],
    layout: PictureLayout,
    rule: FolderRule,
) -> None:
    """Says which layout was found, and what of the splits and classes may surprise."""
    good = {
        split: [c.label for source in candidates for c in source if c.reason is None]
        for split, candidates in found.items()
    }
    log.info(
        "%s has pictures at %s: %d %s, %s",
        rule.path,
        " and ".join(map(layout.pattern, layout.folders)),
        len(names),
        "class" if len(names) == 1 else "classes",
        ", ".join(f"{len(labels)} {split} pictures" for split, labels in good.items()),
    )
    for split in rule.splits:
        if split not in good:
            log.info(
                "there is no %s split: no folder %s in %s", split, rule.folders[split], rule.path
            )
    only = sorted(set(good.get("test", [])) - set(good["train"]))
    if only:
        log.warning(
            "no picture of the training split in %s is of %d of its %d classes: %s",
            rule.path,
            len(only),
            len(names),
            _shown([names[label] for label in only]),
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
