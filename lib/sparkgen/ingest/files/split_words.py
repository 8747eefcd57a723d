"""Tells the files of splits apart by the words in their paths, and refuses several splits as one."""

import re
from collections.abc import Sequence
from itertools import groupby

from sparkgen.errors import RequestError
from sparkgen.ingest.files.pattern import common_folder, one_path

SPLITS = {
    "train": "train", "training": "train", "test": "test", "testing": "test", "t10k": "test",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "eval": "validation",
}  # fmt: skip
"""The words for splits in the names of files, folders, arrays and in lists, and what they mean."""
# A word begins and ends where letters do, and in camelCase, as in `trainLabels`.
WORD = re.compile(
    r"(?:(?<![a-z])|(?-i:(?<=[a-z])(?=[A-Z])))"
    rf"({'|'.join(sorted(SPLITS, key=len, reverse=True))})"
    r"(?:(?![a-z])|(?-i:(?<=[a-z])(?=[A-Z])))",
    re.IGNORECASE,
)
MOST_SHOWN = 3  # names of files


def split_of(path: str) -> str | None:
    """The split that the last word of a path means: train, test or validation; None: none does."""
    for part in reversed(path.split("/")):
        if found := WORD.findall(part):
            return SPLITS[found[-1].lower()]
    return None


def by_split(paths: Sequence[str], *, alike: bool = False) -> dict[str | None, list[str]]:
    """The files of each split, by the part of their paths in which they differ; None: of no named split.

    Args:
        paths: of all files.
        alike: only files that differ in the word and in numbers alone are of splits, as `wiki.train.txt`
            and `wiki.test.txt` are: in names that people give to texts the words mean other things.
    """
    start = len(common_folder(paths))
    split = {path: split_of(path[start:]) for path in paths}
    if alike:
        form = {path: re.sub(r"\d+", "0", WORD.sub("*", path[start:])) for path in paths}
        named = sorted((path for path in paths if split[path]), key=form.__getitem__)
        for _, some in groupby(named, form.__getitem__):
            same = list(some)
            if len({split[path] for path in same}) < 2:
                split |= dict.fromkeys(same)
    found: dict[str | None, list[str]] = {}
    for path in paths:
        found.setdefault(split[path], []).append(path)
    return found


def refuse_splits(uri: str, key: str, paths: Sequence[str], *, alike: bool = False) -> None:
    """Refuses files of several splits as those of one, by the words in their paths.

    Args:
        uri: the path, folder or glob that means the files.
        key: the split that they are to be of, `train` or `test`, which is a key of the source.
        paths: of the files.
        alike: as of `by_split`.

    Raises:
        RequestError: some are of another split than others.
    """
    found = by_split(paths, alike=alike)
    if len(found) < 2 or not found.keys() - {None, key}:
        return
    start = len(common_folder(paths)) + 1
    shown = {
        split or "none": _shown([path[start:] for path in some]) for split, some in found.items()
    }
    raise RequestError(
        f"the files of one split in {uri}, source.{key}",
        found=f"those of {', '.join(f'{split} ({names})' for split, names in sorted(shown.items()))}",
        mend=_mend(found, paths),
    )


def _mend(found: dict[str | None, list[str]], paths: Sequence[str]) -> str:
    """The keys that tell the splits apart, where a path, a folder or a glob does."""
    train = found.get("train") or found.get(None, [])
    test = found.get("test") or found.get("validation", [])
    ways = [
        f"source.{key} to {path}"
        for key, files in (("train", train), ("test", test))
        if files and (path := one_path(files, paths))
    ]
    if len(ways) < 2:
        return "put the files of each split into a folder of its own, or rename those of one split"
    return f"set {' and '.join(ways)}"


def _shown(paths: Sequence[str]) -> str:
    names = ", ".join(paths[:MOST_SHOWN])
    return f"{names}, ..." if len(paths) > MOST_SHOWN else names
