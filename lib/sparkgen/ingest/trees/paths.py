"""Finds the split and the class of each file of folders and archives, or why it is not used.

`layout.py` finds from the folders of the pictures how they are laid out. A picture in any folder
below that of a class is one of the class.
"""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.ingest.files.member import HIDDEN, Member
from sparkgen.ingest.images.formats import ENDINGS, ending
from sparkgen.ingest.trees.layout import (
    FolderRule,
    Home,
    Parts,
    PictureLayout,
    find_layout,
    home_of,
)


class Spot(NamedTuple):
    """A member with its place: the source by number, and the parts of its path.

    `is_picture` goes by the ending of its name. It has a `split` and a class `folder`, known or not,
    or it is not used for the reason `unused`. `bad` says why it is refused wherever it lies. `start` is
    the number of folders above the class folder.
    """

    source: int
    member: Member
    parts: Parts
    is_picture: bool
    split: str | None = None
    folder: str | None = None
    bad: str | None = None
    unused: str | None = None
    start: int = 0


class Spots(NamedTuple):
    """The place of every member of every source, in order, and the layout that was found."""

    layout: PictureLayout
    found: list[Spot]


class _File(NamedTuple):
    """A member with the parts of its folder, its name there and the ending of the name."""

    member: Member
    folder: Parts
    name: str
    ending: str
    hidden: bool
    bad: str | None


def find_spots(listings: Sequence[list[Member]], rule: FolderRule) -> Spots:
    """The place of every member of every source.

    Raises:
        RequestError: it cannot be told how the pictures are laid out.
    """
    sources = [_files(members, rule) for members in listings]
    if rule.names:
        named = zip(rule.names, sources, strict=True)
        sources = [_below_own_name(name, files, rule) for name, files in named]
    endings = _endings(sources)
    folders = [
        Counter(f.folder for f in files if not f.hidden and f.bad is None and f.ending in endings)
        for files in sources
    ]
    layout = find_layout(folders, rule)
    homes = [
        {parts: home_of(parts, n, layout) for parts in {f.folder for f in files}}
        for n, files in enumerate(sources)
    ]
    classes = layout.known
    if rule.class_names is None:
        inside = {homes[n][parts].folder for n, found in enumerate(folders) for parts in found}
        classes = frozenset(folder for folder in inside if folder is not None)
    placing = _Placing(layout, rule, classes)
    spots = [
        placing.spot(n, file, homes[n][file.folder], file.ending in endings)
        for n, files in enumerate(sources)
        for file in files
    ]
    return Spots(layout, _without_replaced(spots))


def _files(members: list[Member], rule: FolderRule) -> list[_File]:
    """The members of a source with what their names say; a folder's name is looked at once."""
    shown = rule.known
    folders: dict[str, tuple[Parts, bool, str | None]] = {}
    files = []
    for member in members:
        path, slash, name = member.name.replace("\\", "/").rpartition("/")
        if name in ("", "."):  # it ends with what is no name
            path, slash, name = path.rpartition("/")
        path = path or slash
        if path not in folders:
            parts = _parts(path)
            hidden = any(p.startswith(HIDDEN) and p not in shown for p in parts)
            folders[path] = (parts, hidden, _escape(parts))
        parts, hidden, bad = folders[path]
        if bad is None and (not parts or name == ".."):
            bad = _escape((name,))
        if bad is None and member.fault == "link-member":
            bad = member.fault
        hidden = hidden or (name.startswith(HIDDEN) and name not in shown)
        files.append(_File(member, parts, name, ending(name), hidden, bad))
    return files


def _below_own_name(name: str, files: list[_File], rule: FolderRule) -> list[_File]:
    """The files of a source that is a split by its own name, in the folder of that split."""
    splits = set(rule.folders.values())
    if name not in splits or any(splits.intersection(f.folder) for f in files if not f.hidden):
        return files
    return [f._replace(folder=(name, *f.folder)) for f in files]


def _parts(path: str) -> Parts:
    names = tuple(part for part in path.split("/") if part not in ("", "."))
    return ("/", *names) if path.startswith("/") else names


def _escape(parts: Parts) -> str | None:
    """Why a path is refused that leads out of its archive."""
    outside = ".." in parts or parts[:1] == ("/",) or (parts and parts[0].endswith(":"))
    return "path-escape" if outside else None


def _endings(sources: Sequence[list[_File]]) -> frozenset[str]:
    """The endings of pictures. No ending is one, too, where most files have none, and no file another."""
    counts = Counter(f.ending for files in sources for f in files if not f.hidden)
    bare = not ENDINGS & counts.keys() and 2 * counts[""] > counts.total()
    return ENDINGS | {""} if bare else ENDINGS


class _Placing(NamedTuple):
    """Places files by the layout; `classes` are the folders that mean a class."""

    layout: PictureLayout
    rule: FolderRule
    classes: frozenset[str]

    def spot(self, source: int, file: _File, home: Home, is_picture: bool) -> Spot:
        """The place of a file, whose folder has the place `home`."""
        split, folder, start, below = home
        bad, unused = file.bad, None
        if bad is not None:
            split, folder = split or "train", None
        elif file.hidden:
            unused = "hidden"
        elif folder is None or not (is_picture or (below == 0 and self._is_class(folder))):
            split, unused = self._unplaced(file, home, is_picture)
        parts = (*file.folder, file.name)
        return Spot(source, file.member, parts, is_picture, split, folder, bad, unused, start)

    def _is_class(self, folder: str) -> bool:
        """Whether a folder of no picture is expected to hold nothing else than pictures."""
        stated = self.rule.class_names is not None and not self.layout.roots
        return self.layout.depth > 0 and (stated or folder in self.classes)

    def _unplaced(self, file: _File, home: Home, is_picture: bool) -> tuple[str | None, str | None]:
        """The split of a file that is in no class folder, and why it is not used."""
        if not is_picture:
            return None, file.member.fault or "not-an-image"
        if home.split is not None:
            return home.split, "outside-class-folders"
        other = any(part in self.classes for part in file.folder[1:])
        return None, "other-split" if other else "outside-split-folders"


def _without_replaced(spots: list[Spot]) -> list[Spot]:
    # Of files with one path in one archive the last is used, as it is where one unpacks the archive;
    # `tar -u` and `tar -r` replace files in this way.
    last = {(s.source, s.parts): n for n, s in enumerate(spots) if s.bad is None}
    if len(last) == sum(s.bad is None for s in spots):
        return spots
    return [
        s._replace(unused="replaced")
        if s.bad is None and s.unused is None and last[s.source, s.parts] != n
        else s
        for n, s in enumerate(spots)
    ]
