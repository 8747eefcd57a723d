"""Finds lists of pictures at a path, and the folders or archives that their paths start from."""

from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import SparkgenError
from sparkgen.ingest.archives import is_archive, list_members
from sparkgen.ingest.listed import Members
from sparkgen.ingest.look import Look, plain_ending
from sparkgen.ingest.member import Member
from sparkgen.ingest.path_list import JSON_LINES, PathList, read_list
from sparkgen.ingest.split_files import split_of

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


def guess_lists(look: Look) -> Lists | None:
    """The list at a path: the file itself, or those of a folder; None: there is none of its pictures."""
    if look.kind == "file":
        found = _root(look.path, Look(look.folder or "."))
        return _lists(look.path, found) if found is not None else None
    if look.kind != "folder" or not (look.pictures or look.archives):
        return None
    files = [f for f in look.files if plain_ending(f) in ENDINGS and _is_near(look, f)]
    roots = {file: _root(file, look) for file in files[:MOST_LISTS]}
    lists = {file: root for file, root in roots.items() if root is not None}
    if not lists:
        return None
    by_split = {split_of(f.removeprefix(look.path)): f for f in reversed(lists)}
    train = by_split.get("train") or by_split.get(None)
    if train is None:
        return None
    test = by_split.get("test") or by_split.get("validation")
    found = _read(train)
    if test and lists[test] == "" and found is not None and found.columns.split is None:
        return _lists(train, lists[train], test)
    return _lists(train, lists[train])


def _lists(path: str, root: str, test: str | None = None) -> Lists:
    keys = {"path": path, **({"test": test} if test else {}), **({"root": root} if root else {})}
    names = [PurePosixPath(file).name for file in (path, test) if file]
    found = _read(path)
    tells = found is not None and (found.columns.label or found.columns.split) is not None
    return Lists(keys, f"pictures are named by {' and '.join(names)}", tells)


def _is_near(look: Look, file: str) -> bool:
    """Whether a file lies in the folder itself, or in one of a split."""
    inside = file.removeprefix(look.path).strip("/").split("/")
    return len(inside) == 1 or (len(inside) == 2 and split_of(inside[0]) is not None)


def _root(file: str, look: Look) -> str | None:
    """The folder or archive that the paths of a list start from, empty where it is that of the list.

    None: it is no list, or its pictures are nowhere.
    """
    found = _read(file)
    if found is None:
        return None
    own = file.rpartition("/")[0]
    prefix = f"{own}/" if own else ""
    members = [
        m._replace(name=f"{look.path}/{m.name}".removeprefix(prefix) if own else m.name)
        for m in look.listings.get(look.path, [])
    ]
    if _share(found, own, members) >= HALF:
        return ""
    tops = {m.name.partition("/")[0] for m in members if "/" in m.name}
    for top in [*sorted(tops), *(m.name for m in members if is_archive(m.name))][:MOST_LISTS]:
        inside = [m for m in members if m.name.startswith(f"{top}/")]
        some = [m._replace(name=m.name[len(top) + 1 :]) for m in inside]
        if _share(found, f"{prefix}{top}", some or list_members(f"{prefix}{top}")) >= HALF:
            return f"{prefix}{top}"
    return None


def _share(found: PathList, root: str, members: list[Member]) -> float:
    """The share of the first rows whose pictures are among some members."""
    rows = [row for row in found.rows[:LOOKED] if row.bad is None]
    known = Members(root, members)
    there = sum(isinstance(known.find(row.path), Member) for row in rows)
    return there / max(len(rows), 1)


def _read(file: str) -> PathList | None:
    try:
        return read_list(file, {})
    except SparkgenError:
        return None
