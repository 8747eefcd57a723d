"""Looks at what is at a path, for `sparkgen inspect`: its kind, its files, how they begin.

Everything is read when it is first asked for, and once. A source format recognises itself by what a
`Look` shows of the path.
"""

import mimetypes
import re
from collections.abc import Callable
from enum import IntEnum
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any, Literal, NamedTuple

from pyarrow import fs

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import RequestError, SparkgenError
from sparkgen.ingest.files.archives import is_archive, list_members, read_members
from sparkgen.ingest.files.compressed import ENDINGS, opened
from sparkgen.ingest.files.find import find_trees
from sparkgen.ingest.files.folder import reachable
from sparkgen.ingest.files.member import HIDDEN, Member
from sparkgen.ingest.files.pattern import pattern
from sparkgen.ingest.images.formats import ENDINGS as PICTURES
from sparkgen.ingest.images.formats import ending

HEAD_BYTES = 1 << 18
MOST_HEADS = 32  # files of a folder whose beginnings are looked at

Kind = Literal["folder", "archive", "file", "several", "nothing"]


class Sure(IntEnum):
    """How surely a format recognises what is at a path; the surest is taken."""

    READABLE = 1  # it can be read so, as any text can
    LIKELY = 2  # names and beginnings are as in this format
    MARKED = 3  # something is there that only this format has


class Recognised(NamedTuple):
    """What a format makes of a path: the keys of `dataset.source` to state, and what was found, in words.

    `shape` is that of the records, where it is known without reading them. `spark`: only Spark reads it.
    `as_text`: nothing but its words marks it, so that it may be meant as plain text as well. `tokenizer`:
    of texts, the key of the dataset.
    """

    sure: Sure
    keys: dict[str, Any]
    found: str
    shape: tuple[int, ...] = (1, 1, 3)
    about_shape: str = ""
    spark: bool = False
    record: str = "image"
    as_text: bool = False
    tokenizer: dict[str, Any] | None = None


class Look:
    """What is at a path: a file, folder, archive or glob."""

    def __init__(self, path: str) -> None:
        self.path = path.rstrip("/") or path
        self.faults: list[SparkgenError] = []  # of the files that `head` could not read

    @cached_property
    def kind(self) -> Kind:
        """`several`: a glob; `nothing`: no file is there, and no glob matches."""
        kind = _type(self.path)
        if kind == fs.FileType.NotFound:
            try:
                return "several" if self._trees != [self.path] else "nothing"
            except RequestError:
                return "nothing"
        if kind != fs.FileType.File:  # a device or a pipe has no end
            return "folder" if kind == fs.FileType.Directory else "nothing"
        return "archive" if is_archive(self.path) else "file"

    @cached_property
    def _trees(self) -> list[str]:
        if _type(self.path) != fs.FileType.NotFound:
            return [self.path]
        return [entry.uri for entry in find_trees(self.path)]

    @property
    def may_be_catalog(self) -> bool:
        """Whether the path may be the name of a catalog's table, such as schema.table, and no file's."""
        named = re.fullmatch(r"\w[\w-]*(\.\w[\w-]*){1,2}", self.path) is not None
        return named and mimetypes.guess_type(self.path) == (None, None)

    @cached_property
    def folder(self) -> str:
        """The folder itself, or the one that the file, the archive or the glob lies in."""
        return self.path if self.kind == "folder" else self.path.rpartition("/")[0]

    @cached_property
    def listings(self) -> dict[str, list[Member]]:
        """The members of the folder, of each archive and folder of a glob.

        Raises:
            RequestError: an archive is damaged.
        """
        if self.kind in ("file", "nothing"):
            return {}
        trees = [t for t in self._trees if is_archive(t) or _type(t) == fs.FileType.Directory]
        return {tree: list_members(tree) for tree in trees}

    @cached_property
    def names(self) -> list[str]:
        """The paths in the folder, archive or glob that are not hidden, in order."""
        names = [m.name.replace("\\", "/") for found in self.listings.values() for m in found]
        return [name for name in names if not is_hidden(name)]

    @cached_property
    def files(self) -> list[str]:
        """The paths of all files that are none within archives: the file, or those of folder or glob."""
        if self.kind == "nothing":
            return []
        if self.kind == "folder":
            members = [m for m in self.listings[self.path] if m.fault is None]
            names = (m.name for m in members if not is_hidden(m.name, (*HIDDEN, "_")))
            return [f"{self.path}/{name}" for name in names]
        return [tree for tree in self._trees if _type(tree) == fs.FileType.File]

    @cached_property
    def pictures(self) -> list[str]:
        """Those of `names` that end as the names of pictures do."""
        return [name for name in self.names if ending(name) in PICTURES]

    @cached_property
    def archives(self) -> "Look | None":
        """The archives that lie in the folder, as one glob, where there is no picture beside them."""
        found = [f for f in self.files if is_archive(f) and f.rpartition("/")[0] == self.path]
        if self.kind != "folder" or not found or self.pictures:
            return None
        glob = pattern(found, self.files)
        return None if glob is None else Look(glob)

    def head(self, path: str) -> bytes:
        """The first bytes of a file, decompressed; none where it cannot be read."""
        if path not in self._heads:
            try:
                with opened(path) as stream:
                    self._heads[path] = bytes(stream.read(HEAD_BYTES))
            except SparkgenError as error:
                self.faults.append(error)
                self._heads[path] = b""
        return self._heads[path]

    @cached_property
    def _heads(self) -> dict[str, bytes]:
        return {}

    def first_bytes(self, name: str) -> bytes:
        """The content of a member by its name; none where it cannot be read."""
        for tree, members in self.listings.items():
            for member in members:
                if member.name == name and member.fault is None:
                    try:
                        return next(read_members(tree, [member])) or b""
                    except SparkgenError:
                        return b""
        return b""

    @cached_property
    def _by_ending(self) -> dict[str, list[str]]:
        """The files by their endings, but for pictures and archives."""
        found: dict[str, list[str]] = {}
        for file in self.files:
            found.setdefault(plain_ending(file), []).append(file)
        return {end: some for end, some in found.items() if not _is_container(end)}

    def those(self, fits: Callable[[str], bool]) -> list[str]:
        """The files of all endings of which most fit, by the first `MOST_HEADS` of each ending."""
        good: list[str] = []
        for some in self._by_ending.values():
            looked = some[:MOST_HEADS]
            if 2 * sum(map(fits, looked)) > len(looked):
                good += some
        return sorted(good)

    def beside(self, name: str) -> list[str]:
        """The paths of files in the folder of the path that match a pattern of their names."""
        found = fs.FileSelector(open_uri(self.folder or ".")[1])
        names = (i.base_name for i in open_uri(self.folder or ".")[0].get_file_info(found))
        prefix = f"{self.folder}/" if self.folder or self.path.startswith("/") else ""
        return sorted(f"{prefix}{n}" for n in names if fnmatchcase(n, name))


def is_hidden(name: str, marks: tuple[str, ...] = HIDDEN) -> bool:
    """Whether a path is that of no data, as `.DS_Store` and `__MACOSX` are not."""
    return any(part.startswith(marks) for part in name.split("/"))


def _is_container(end: str) -> bool:
    return end in PICTURES or is_archive(f"a{end}")


def plain_ending(name: str) -> str:
    """The ending of a file's name in lower case, before that of a compression: `.csv` of `a.csv.gz`."""
    last = ending(name)
    return (ending(name[: -len(last)]) if last in ENDINGS else last) or last


def _type(path: str) -> fs.FileType:
    with reachable(path):
        filesystem, inside = open_uri(path)
        return filesystem.get_file_info(inside).type
