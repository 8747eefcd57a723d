"""Finds the pictures that a list names in a folder or an archive, and counts the others."""

import posixpath
from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.ingest.class_values import Classes
from sparkgen.ingest.files.archives import fault_of
from sparkgen.ingest.files.member import HIDDEN, Member
from sparkgen.ingest.files.path_list import Row
from sparkgen.ingest.images.formats import ENDINGS, ending
from sparkgen.ingest.trees.placement import Candidate

MISSING = "listed-and-missing"


class Listed(NamedTuple):
    """The candidates of each split, the members that were named, and how many rows are not used."""

    candidates: dict[str, list[Candidate]]
    named: set[int]
    unused: Counter[str]


class Members:
    """The members of a folder or archive by their paths.

    A path is met as it is; below the one folder that all members lie in; and without its ending, as lists
    that name pictures by their id have it, where one picture alone has this name.
    """

    def __init__(self, root: str, members: Sequence[Member]) -> None:
        self._root = root.rstrip("/") + "/"
        self.all = {posixpath.normpath(m.name.replace("\\", "/")): m for m in members}
        tops = {path.partition("/")[0] for path in self.all if not path.startswith(HIDDEN)}
        nested = len(tops) == 1 and not tops & self.all.keys()
        self._tops = ("", f"{min(tops)}/") if nested else ("",)
        pictures = {path: m for path, m in self.all.items() if ending(path) in ENDINGS}
        stems = Counter(path.rpartition(".")[0] for path in pictures)
        self._stems = {
            stem: m for path, m in pictures.items() if stems[stem := path.rpartition(".")[0]] == 1
        }

    def find(self, path: str) -> Member | str:
        """The member at a path of a list, or why there is none."""
        path = path.replace("\\", "/").removeprefix(self._root)
        plain = not path.startswith(("/", ".")) and ":" not in path
        if plain and (member := self.all.get(path)) is not None:
            return member  # as most are, without more ado
        relative = posixpath.normpath(path)
        parts = PurePosixPath(relative).parts
        if parts[:1] == ("/",) or ".." in parts or (parts and ":" in parts[0]):
            return "path-escape"
        for top in self._tops:
            for names in (self.all, self._stems):
                if (member := names.get(top + relative)) is not None:
                    return member
        return MISSING


def listed(
    rows: Sequence[Row],
    splits: dict[str, str] | str,
    members: Members,
    classes: Classes,
) -> Listed:
    """The pictures that the rows of a list name.

    Args:
        rows: of the list.
        splits: what the values of the rows' splits mean, or the split of all rows.
        members: of the folder or archive.
        classes: of the values; without labels there is one class, and rows have no values.
    """
    found: dict[tuple[str, int], list[tuple[Member, Row]]] = {}
    bad: dict[str, list[Candidate]] = {}
    unused: Counter[str] = Counter()
    named: set[int] = set()
    for row in rows:
        split = splits if isinstance(splits, str) else splits.get(row.split or "", "")
        used = split in ("train", "test")
        member = row.bad or members.find(row.path)
        if isinstance(member, Member):
            named.add(member.number)
        if row.split and not used:
            unused["other-split"] += 1  # whether its picture is there or not
            continue
        if isinstance(member, Member) and used:
            found.setdefault((split, member.number), []).append((member, row))
            continue
        reason = "no-split" if isinstance(member, Member) else member
        nowhere = Candidate(Member(-1, row.path, 0, 0), -1, reason)
        bad.setdefault(split if used else "train", []).append(nowhere)
    candidates: dict[str, list[Candidate]] = {}
    for (split, _), same in sorted(
        found.items()
    ):  # in the order of the archive, which may be a stream
        candidates.setdefault(split, []).append(_candidate(same, classes))
        unused["listed-twice"] += len(same) - 1
    for split, some in bad.items():
        candidates.setdefault(split, []).extend(some)
    return Listed(candidates, named, +unused)


def not_listed(members: Members, named: set[int], lists: set[str]) -> Counter[str]:
    """How many members no list names, by what they are.

    Args:
        members: of the folder or archive.
        named: numbers of those that are named.
        lists: the paths of the lists themselves.
    """
    return Counter(
        _kind(path)
        for path, member in members.all.items()
        if member.number not in named and path not in lists
    )


def _kind(path: str) -> str:
    if any(part.startswith(HIDDEN) for part in path.split("/")):
        return "hidden"
    return "not-listed" if ending(path) in ENDINGS else "not-an-image"


def _candidate(same: list[tuple[Member, Row]], classes: Classes) -> Candidate:
    """The candidate of the rows that name one member for one split."""
    member, row = same[0]
    if not classes.labels:
        return Candidate(member, 0, fault_of(member))
    label = classes.label(row.value)
    reason = "no-label" if row.value is None else "unknown-label" if label < 0 else None
    if len({row.value for _, row in same}) > 1:
        reason = "two-labels"
    return Candidate(member, label, reason or fault_of(member))
