"""Refuses a tree of pictures that is not as configured, and warns of what is left out."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from sparkgen.errors import RequestError
from sparkgen.ingest.trees.layout import FolderRule, PictureLayout
from sparkgen.ingest.trees.paths import Spot

MOST_SHOWN = 6  # folders or endings in a message

log = logging.getLogger(__name__)


def check_placement(
    spots: list[Spot], labels: Mapping[str, int], layout: PictureLayout, rule: FolderRule
) -> None:
    """Refuses a split that lacks pictures, or has many outside its class folders.

    Args:
        spots: of all members.
        labels: of the class folders.
        layout: that was found.
        rule: the configuration.

    Raises:
        RequestError: it says where pictures lie.
    """
    for split in layout.folders:
        _refuse_no_pictures(split, spots, labels, layout, rule)
        _refuse_loose_pictures(split, spots, layout, rule)
    _warn_of_others(spots, layout, rule)


def _refuse_no_pictures(
    split: str,
    spots: list[Spot],
    labels: Mapping[str, int],
    layout: PictureLayout,
    rule: FolderRule,
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
            f"{shown(names)}, or a number from 0 to {len(names) - 1}",
            found=shown(sorted(folders)),
            mend="correct dataset.class_names or the names of the folders",
        )
    mend = f"set source.{split} to the folder of that split"
    if set(rule.folders) == rule.optional:
        mend += ", or source.train and source.test to null where these folders are classes"
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
    return shown([f"{name} ({count})" for name, count in ordered])


def shown(names: Sequence[str]) -> str:
    """The first of some names, and how many more there are."""
    more = f" and {len(names) - MOST_SHOWN} more" if len(names) > MOST_SHOWN else ""
    return ", ".join(map(printable, names[:MOST_SHOWN])) + more


def printable(name: str) -> str:
    """A name with the bytes written out that are no UTF-8."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")
