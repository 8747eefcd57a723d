"""Finds lists of pictures at a path, and the folders or archives that their paths start from."""

from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import SparkgenError
from sparkgen.ingest.files.archives import is_archive, list_members
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.files.path_list import JSON_LINES, Columns, PathList, read_list
from sparkgen.ingest.files.split_words import split_of
from sparkgen.ingest.lists.listed import Members
from sparkgen.ingest.looking.look import Look, plain_ending

ENDINGS = (".csv", ".tsv", *JSON_LINES)
MOST_LISTS = 8  # files of a folder that are read to see whether they are lists of its pictures
LOOKED = 100  # rows of a list whose pictures are looked for
HALF = 0.5  # of these, that must be there


class Lists(NamedTuple):
    """The keys of a source of a list, and what is to be said of it.

    `tells`: it says more than which pictures there are, their classes or splits.
    """

    keys: dict[str, str]
    told: str
    tells: bool


class _Rooted(NamedTuple):
    """A list, with the folder or archive that its paths start from; empty: that of the list."""

    path: str
    root: str
    columns: Columns


def guess_lists(look: Look) -> Lists | None:
    """The list at a path: the file itself, or those of a folder; None: there is none of its pictures."""
    if look.kind == "file":
        found = _rooted(look.path, Look(look.folder or "."))
        return _lists(found) if found is not None else None
    if look.kind != "folder" or not (look.pictures or look.archives):
        return None
    files = [f for f in look.files if plain_ending(f) in ENDINGS and _is_near(look, f)]
    lists = [found for f in files[:MOST_LISTS] if (found := _rooted(f, look)) is not None]
    by_split = {split_of(f.path.removeprefix(look.path)): f for f in reversed(lists)}
    train = by_split.get("train") or by_split.get(None)
    if train is None:
        return None
    test = by_split.get("test") or by_split.get("validation")
    return _lists(train, test if test and not test.root and train.columns.split is None else None)


def _lists(train: _Rooted, test: _Rooted | None = None) -> Lists:
    keys = {"path": train.path}
    if test is not None:
        keys["test"] = test.path
    if train.root:
        keys["root"] = train.root
    names = " and ".join(PurePosixPath(some.path).name for some in (train, test) if some)
    tells = (train.columns.label or train.columns.split) is not None
    return Lists(keys, f"pictures are named by {names}", tells)


def _is_near(look: Look, file: str) -> bool:
    """Whether a file lies in the folder itself, or in one of a split."""
    inside = file.removeprefix(look.path).strip("/").split("/")
    return len(inside) == 1 or (len(inside) == 2 and split_of(inside[0]) is not None)


def _rooted(file: str, look: Look) -> _Rooted | None:
    """A list with the place of its pictures; None: it is no list, or they are nowhere."""
    try:
        found = read_list(file, {})
    except SparkgenError:
        return None
    own = file.rpartition("/")[0]
    prefix = f"{own}/" if own else ""
    members = [
        m._replace(name=f"{look.path}/{m.name}".removeprefix(prefix) if own else m.name)
        for m in look.listings.get(look.path, [])
    ]
    if _share(found, own, members) >= HALF:
        return _Rooted(file, "", found.columns)
    tops = {m.name.partition("/")[0] for m in members if "/" in m.name}
    for top in [*sorted(tops), *(m.name for m in members if is_archive(m.name))][:MOST_LISTS]:
        inside = [m for m in members if m.name.startswith(f"{top}/")]
        some = [m._replace(name=m.name[len(top) + 1 :]) for m in inside]
        if _share(found, f"{prefix}{top}", some or list_members(f"{prefix}{top}")) >= HALF:
            return _Rooted(file, f"{prefix}{top}", found.columns)
    return None


def _share(found: PathList, root: str, members: list[Member]) -> float:
    """The share of the first rows whose pictures are among some members."""
    rows = [row for row in found.rows[:LOOKED] if row.bad is None]
    known = Members(root, members)
    there = sum(isinstance(known.find(row.path), Member) for row in rows)
    return there / max(len(rows), 1)
