"""Finds which files are of which split by the words train and test in their paths."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.files.pattern import common_folder, one_path
from sparkgen.ingest.files.split_words import SPLITS, WORD, by_split
from sparkgen.ingest.looking.look import Look

MOST_SHOWN = 3  # names of files


class SplitFiles(NamedTuple):
    """The path, folder or glob of the training split and of the test split, if there is one.

    `about` says how the test split was found. `others` are files of neither.
    """

    train: str
    test: str | None = None
    about: str = ""
    others: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, str]:
        """The keys `train` and `test` of a source."""
        return {"train": self.train, **({"test": self.test} if self.test else {})}

    @property
    def told(self) -> str:
        """What is to be said of the splits, with a mark before it; empty: nothing."""
        about = f"; {self.about}" if self.about else ""
        if not self.others:
            return about
        names = ", ".join(sorted({PurePosixPath(file).name for file in self.others})[:MOST_SHOWN])
        return f"{about}; not used, of another split: {len(self.others)}, such as {names}"


def split_files(look: Look, files: Sequence[str], *, alike: bool = False) -> SplitFiles:
    """The splits of some files of one format, which `look` has found.

    Of a single file with `train` in its name, the test split may lie beside it. Where no file's name is
    of the training split, those that name no split are it. `alike` is that of `by_split`.
    """
    if look.kind == "file":
        return _beside(look)
    found = by_split(files, alike=alike)
    train = "train" if "train" in found else None
    if train not in found or len(found) == 1:
        return SplitFiles(_all(look, files))
    test = "test" if "test" in found else "validation"
    others = [f for split, some in found.items() if split not in (train, test) for f in some]
    about = "the validation files are the test split" if test in found and test != "test" else ""
    held_out = _all_of(look, found[test]) if test in found else None
    return SplitFiles(_all_of(look, found[train]), held_out, about, tuple(others))


def _beside(look: Look) -> SplitFiles:
    name = look.path.rpartition("/")[2]
    words = [found for found in WORD.finditer(name) if SPLITS[found[0].lower()] == "train"]
    for word in ("test", "t10k", "val", "valid", "validation", "dev") if words else ():
        at = words[-1]
        other = name[: at.start()] + word + name[at.end() :]
        found = look.beside(re.sub(r"([*?\[])", r"[\1]", other))
        if found:
            return SplitFiles(look.path, found[0], f"beside it lies the test split, {other}")
    return SplitFiles(look.path)


def _all(look: Look, files: Sequence[str]) -> str:
    """The path that stands for all the files: the folder or glob itself where it has no others."""
    return look.path if len(files) == len(look.files) else _all_of(look, files)


def _all_of(look: Look, files: Sequence[str]) -> str:
    """The path, folder or glob that means some files and no others.

    Raises:
        RequestError: there is none.
    """
    found = one_path(files, look.files, look.path)
    if found is None:
        raise RequestError(
            "files of one split or format that a folder or a glob tells from others",
            found=f"{len(files)} in {common_folder(files)}, such as {PurePosixPath(files[0]).name}",
            mend="put them into a folder of their own",
        )
    return found
