"""Finds which files are of which split by the words train and test in their paths."""

import re
from collections.abc import Sequence
from itertools import takewhile
from pathlib import PurePosixPath
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.files.path_list import SPLITS
from sparkgen.ingest.looking.look import Look, pattern

WORDS = {**SPLITS, "t10k": "test"}
MOST_SHOWN = 3  # names of files
# A word begins and ends where letters do, and in camelCase, as in `trainLabels`.
_WORD = re.compile(
    r"(?:(?<![a-z])|(?-i:(?<=[a-z])(?=[A-Z])))"
    rf"({'|'.join(sorted(WORDS, key=len, reverse=True))})"
    r"(?:(?![a-z])|(?-i:(?<=[a-z])(?=[A-Z])))",
    re.IGNORECASE,
)


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


def split_files(look: Look, files: Sequence[str]) -> SplitFiles:
    """The splits of some files of one format, which `look` has found.

    Of a single file with `train` in its name, the test split may lie beside it.
    """
    if look.kind == "file":
        return _beside(look)
    found: dict[str, list[str]] = {}
    for file in files:
        found.setdefault(split_of(file.removeprefix(look.path)) or "", []).append(file)
    if "train" not in found:
        return SplitFiles(_all(look, files))
    test = "test" if "test" in found else "validation"
    others = [f for split, some in found.items() if split not in ("train", test) for f in some]
    about = "the validation files are the test split" if test in found and test != "test" else ""
    held_out = _all_of(look, found[test]) if test in found else None
    return SplitFiles(_all_of(look, found["train"]), held_out, about, tuple(others))


def split_of(path: str) -> str | None:
    """The split that the last word of a path means: train, test or validation; None: none does."""
    for part in reversed(path.split("/")):
        if found := _WORD.findall(part):
            return WORDS[found[-1].lower()]
    return None


def _beside(look: Look) -> SplitFiles:
    name = look.path.rpartition("/")[2]
    words = [found for found in _WORD.finditer(name) if WORDS[found[0].lower()] == "train"]
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
    folder = _common_folder(files)
    inside = [file for file in look.files if file.startswith(f"{folder.rstrip('/')}/")]
    same = len({file.rpartition("/")[0] for file in files}) == 1
    found = pattern(files, look.files) if same else None
    if len(inside) == len(files) and len(files) > 1 and folder != look.path:
        return folder
    if found is None:
        raise RequestError(
            "files of one split or format that a folder or a glob tells from others",
            found=f"{len(files)} in {folder}, such as {PurePosixPath(files[0]).name}",
            mend="put them into a folder of their own",
        )
    return found


def _common_folder(files: Sequence[str]) -> str:
    parts = zip(*(file.split("/")[:-1] for file in files), strict=False)
    same = takewhile(lambda names: len(set(names)) == 1, parts)
    return "/".join(names[0] for names in same)
