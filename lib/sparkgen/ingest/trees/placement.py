"""Decides which files of folders and archives are records, and refuses or counts the others.

Whatever is no record is counted by reason, and a request under which much is lost is refused before
the work begins.
"""

import logging
import re
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.config.dataset import NO_CLASSES
from sparkgen.ingest.class_values import in_order
from sparkgen.ingest.files.archives import fault_of
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.images.formats import ending
from sparkgen.ingest.trees.checks import check_placement, printable, shown
from sparkgen.ingest.trees.class_folders import class_labels
from sparkgen.ingest.trees.layout import NO_CLASS, FolderRule, PictureLayout
from sparkgen.ingest.trees.paths import Spot, find_spots
from sparkgen.ingest.trees.test_list import split_by_list

log = logging.getLogger(__name__)


class Candidate(NamedTuple):
    """A member that may be a record, with its label, or with the reason why it cannot be one.

    `caption` is the member with what is said of it in words, if there is one.
    """

    member: Member
    label: int
    reason: str | None = None
    caption: Member | None = None


class Placement(NamedTuple):
    """The candidates of each split, a list for each source, and how much is not used, by reason.

    `class_names` are in the order of the labels: those of the rule, or those of the folders. `layout` is
    the one that was found.
    """

    candidates: dict[str, list[list[Candidate]]]
    unused: dict[str, int]
    class_names: tuple[str, ...]
    layout: PictureLayout


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
        spots, missing = split_by_list(spots, rule.test_list, rule.path)
    used = [s for s in spots if s.unused is None]
    labels, names = _classes(used, layout, rule)
    splits = [s for s in rule.splits if s in layout.folders or rule.test_list is not None]
    found: dict[str, list[list[Candidate]]] = {s: [[] for _ in listings] for s in splits}
    for spot in used:
        if spot.split is not None:
            label = labels.get(spot.folder, -1) if spot.folder is not None else -1
            candidate = Candidate(spot.member, label, spot.bad or _not_a_record(spot, label))
            found[spot.split][spot.source].append(candidate)
    check_placement(spots, labels, layout, rule)
    _tell(found, names, layout, rule)
    unused = Counter(s.unused for s in spots if s.unused) + Counter({"listed-and-missing": missing})
    return Placement(found, dict(sorted(unused.items())), names, layout)


def _classes(
    used: list[Spot], layout: PictureLayout, rule: FolderRule
) -> tuple[dict[str, int], tuple[str, ...]]:
    """The label of every folder that means a class, and the names of the classes."""
    if layout.depth == 0:
        return {NO_CLASS: 0}, rule.class_names or NO_CLASSES
    if rule.class_names is None:
        folders = in_order({s.folder for s in used if s.is_picture and s.folder})
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
        "%s has pictures at %s: %d %s (%s), %s",
        rule.path,
        " and ".join(map(layout.pattern, layout.folders)),
        len(names),
        "class" if len(names) == 1 else "classes",
        shown(names),
        ", ".join(f"{len(labels)} {split} pictures" for split, labels in good.items()),
    )
    kinds = {re.sub(r"[\W\d_]+", "", name) for name in rule.names}
    if layout.depth == 0 and rule.class_names is None and len(kinds) > 1:
        log.warning("the sources %s are not taken for classes", shown(rule.names))
    for split in rule.splits:
        if split not in good:
            log.info(
                "no folder %s in %s: it has no %s split of its own",
                rule.folders[split],
                rule.path,
                split,
            )
    only = sorted(set(good.get("test", [])) - set(good["train"]))
    if only:
        log.warning(
            "no picture of the training split in %s is of %d of its %d classes: %s",
            rule.path,
            len(only),
            len(names),
            shown([names[label] for label in only]),
        )
