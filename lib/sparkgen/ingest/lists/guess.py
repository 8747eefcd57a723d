"""Finds lists of pictures at a path, and the folders or archives that their paths start from."""

from collections import Counter
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.files.archives import is_archive, list_members
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.files.path_list import JSON_LINES, PathList, read_list, split_names
from sparkgen.ingest.files.split_words import split_of
from sparkgen.ingest.images.formats import ENDINGS as PICTURES
from sparkgen.ingest.images.formats import ending
from sparkgen.ingest.lists.listed import Members
from sparkgen.ingest.looking.look import Look, is_hidden, plain_ending

ENDINGS = (".csv", ".tsv", *JSON_LINES)
MOST_LISTS = 8  # files of a folder that are read to see whether they are lists of its pictures
LOOKED = 1000  # rows of a list whose pictures are looked for, spread over all
HALF = 0.5  # of these, that must be there; of the pictures there, that a list of them names


class Lists(NamedTuple):
    """The keys of a source of a list, and what is to be said of it.

    `tells`: it says more than which pictures there are, their classes or splits. `covers`: it names most
    of the pictures that lie there.
    """

    keys: dict[str, str]
    told: str
    tells: bool
    covers: bool


class _Rooted(NamedTuple):
    """A list, the split that its name means, and the pictures that its paths lead to.

    `root` is the folder or archive that the paths start from, empty for the folder of the list. `members`
    lie in it; their numbers are those of the folder that is looked at, or of the archive.
    """

    path: str
    split: str | None
    found: PathList
    root: str
    members: list[Member]

    @property
    def archive(self) -> str:
        """The archive that the pictures lie in; empty: they lie in a folder."""
        return self.root if is_archive(self.root) else ""

    def named(self) -> set[tuple[str, int]]:
        """The pictures that the list names: their archive and number."""
        known = Members(self.root or self.path.rpartition("/")[0], self.members)
        found = (known.find(row.path) for row in self.found.rows if row.bad is None)
        return {(self.archive, m.number) for m in found if isinstance(m, Member)}


def guess_lists(look: Look) -> Lists | None:
    """The list at a path: the file itself, or those of a folder; None: there is none of its pictures.

    Raises:
        RequestError: the paths of a list may start from several folders.
    """
    if look.kind == "file":
        found = _rooted(look.path, Look(look.folder or "."))
        return None if found is None else _lists([found], [], covers=True)
    if look.kind != "folder" or not (look.pictures or look.archives):
        return None
    files = [f for f in look.files if plain_ending(f) in ENDINGS and _is_near(look, f)]
    lists, errors = [], {}
    for file in files[:MOST_LISTS]:
        try:
            found = _rooted(file, look)
        except RequestError as error:
            errors[file] = error
            continue
        lists += [found] if found is not None else []
    used = _used(lists)
    if not used:
        if errors:
            raise next(iter(errors.values()))
        return None
    others = [*(some.path for some in lists if some not in used), *errors]
    return _lists(used, others, covers=_coverage(look, used) >= HALF)


def _used(lists: Sequence[_Rooted]) -> list[_Rooted]:
    """The list of the training split and, where it needs one and one goes with it, of the test split."""
    train = _best(lists, "train") or _best(lists, None)
    if train is None:
        return []
    columns, held_out = train.found.columns, split_names(train.found.rows).values()
    alike = [
        some
        for some in lists
        if some.root == train.root and bool(some.found.columns.label) == bool(columns.label)
    ]
    test = _best(alike, "test") or _best(alike, "validation")
    return [train, test] if test and "test" not in held_out else [train]


def _best(lists: Sequence[_Rooted], split: str | None) -> _Rooted | None:
    """The list of a split that tells most, by its columns and then by its rows; None: there is none."""
    some = [found for found in lists if found.split == split]
    return max(some, key=lambda f: (f.found.tells, len(f.found.rows)), default=None)


def _lists(used: Sequence[_Rooted], others: Sequence[str], *, covers: bool) -> Lists:
    keys = dict(zip(("path", "test"), (some.path for some in used), strict=False))
    if used[0].root:
        keys["root"] = used[0].root
    told = f"pictures are named by {_names([some.path for some in used])}"
    unused = f"; not used: {_names(others)}" if others else ""
    return Lists(keys, told + unused, used[0].found.tells, covers)


def _names(paths: Sequence[str]) -> str:
    return " and ".join(PurePosixPath(path).name for path in paths)


def _is_near(look: Look, file: str) -> bool:
    """Whether a file lies in the folder itself, or in one of a split."""
    inside = file.removeprefix(look.path).strip("/").split("/")
    return len(inside) == 1 or (len(inside) == 2 and split_of(inside[0]) is not None)


def _rooted(file: str, look: Look) -> _Rooted | None:
    """A list with the place of its pictures; None: it is no list, or they are nowhere.

    Raises:
        RequestError: they may lie in several places.
    """
    try:
        found = read_list(file, {})
    except SparkgenError:
        return None
    own = file.rpartition("/")[0]
    prefix = f"{own}/" if own else ""
    there = [
        m._replace(name=f"{look.path}/{m.name}" if own else m.name)
        for m in look.listings.get(look.path, [])
    ]
    members = [m._replace(name=m.name[len(prefix) :]) for m in there if m.name.startswith(prefix)]
    split = split_of(file.removeprefix(look.path))
    if _share(found, own, members) >= HALF:
        return _Rooted(file, split, found, "", members)
    places = {p: _inside(prefix, p, some) for p, some in _places(members, split).items()}
    fits = [p for p, some in places.items() if _share(found, f"{prefix}{p}", some) >= HALF]
    if split is not None:
        fits = [p for p in fits if split_of(p) == split] or fits
    if len(fits) > 1 and found.tells:
        raise RequestError(
            f"one folder or archive that the paths of {file} start from",
            found=f"pictures of these names in {', '.join(fits)}",
            mend="write the paths from the list on, or state source.root in a dataset file",
        )
    return _Rooted(file, split, found, f"{prefix}{fits[0]}", places[fits[0]]) if fits else None


def _places(members: Sequence[Member], split: str | None) -> dict[str, list[Member]]:
    """The folders and archives that the paths of a list may start from, none of another split.

    A list whose name means no split is of the training split, where there is a folder of that.
    """
    folders: dict[str, list[Member]] = {}
    for member in members:
        top, _, name = member.name.partition("/")
        if name:
            folders.setdefault(top, []).append(member._replace(name=name))
    archives = [m.name for m in members if is_archive(m.name)][:MOST_LISTS]
    places = dict(sorted(folders.items())) | {name: [] for name in archives}
    splits = {split_of(place) for place in places}
    if split is None and "train" not in splits:
        return places
    return {p: some for p, some in places.items() if split_of(p) in (split or "train", None)}


def _inside(prefix: str, place: str, members: list[Member]) -> list[Member]:
    return list_members(f"{prefix}{place}") if is_archive(place) and not members else members


def _share(found: PathList, root: str, members: list[Member]) -> float:
    """The share of the rows whose pictures are among some members, by rows spread over the list."""
    rows = [row for row in found.rows if row.bad is None]
    looked = rows[:: max(1, len(rows) // LOOKED)]
    known = Members(root, members)
    there = sum(isinstance(known.find(row.path), Member) for row in looked)
    return there / max(len(looked), 1)


def _coverage(look: Look, lists: Sequence[_Rooted]) -> float:
    """The share of the pictures that some lists name.

    Those of another split that lie in one folder, and so have no classes, do not count.
    """
    named = set().union(*(some.named() for some in lists))
    places = {"": look.listings[look.path]} | {
        some.archive: some.members for some in lists if some.archive
    }
    left = Counter(
        m.name.rpartition("/")[0]
        for place, members in places.items()
        for m in members
        if ending(m.name) in PICTURES and not is_hidden(m.name) and (place, m.number) not in named
    )
    own = {some.split or "train" for some in lists}
    other: dict[str, list[str]] = {}
    for folder in left:
        split = split_of(folder)
        if split is not None and split not in own:
            other.setdefault(split, []).append(folder)
    for folders in other.values():
        if len(folders) == 1:
            del left[folders[0]]
    return len(named) / max(1, len(named) + left.total())
