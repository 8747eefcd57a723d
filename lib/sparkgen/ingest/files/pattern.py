"""Finds a path, folder or glob that means some files and no others."""

from collections.abc import Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import PurePosixPath


def one_path(files: Sequence[str], among: Sequence[str], root: str = "") -> str | None:
    """The path, folder or glob that means some files; None: there is none.

    Args:
        files: their paths.
        among: the paths of all files there are.
        root: the folder of all, which is none of a few.
    """
    folder = common_folder(files)
    inside = [file for file in among if file.startswith(f"{folder.rstrip('/')}/")]
    if len(inside) == len(files) and len(files) > 1 and folder != root:
        return folder
    same = len({file.rpartition("/")[0] for file in files}) == 1
    return pattern(files, among) if same else None


def pattern(paths: Sequence[str], among: Sequence[str]) -> str | None:
    """The path or glob that means some files of one folder and no others; None: there is none.

    Args:
        paths: of the files.
        among: the paths of all files there are.
    """
    if len(paths) == 1:
        return paths[0]
    folder = paths[0].rpartition("/")[0]
    names = [PurePosixPath(path).name for path in paths]
    beside = {PurePosixPath(path).name for path in among if path.rpartition("/")[0] == folder}
    start, end = _common(names), _common([name[::-1] for name in names])[::-1]
    prefix = f"{folder}/" if folder or paths[0].startswith("/") else ""
    last = end[end.find(".") :] if "." in end else ""
    for glob in (f"{start}*{last}", f"*{last}", f"{start}*{end}", f"*{end}"):
        plain = not set(glob.replace("*", "", 1)) & set("*?[")
        if plain and {name for name in beside if fnmatchcase(name, glob)} == set(names):
            return f"{prefix}{glob}"
    return None


def common_folder(files: Sequence[str]) -> str:
    """The folder that holds all of some files."""
    parts = zip(*(file.split("/")[:-1] for file in files), strict=False)
    same = takewhile(lambda names: len(set(names)) == 1, parts)
    return "/".join(names[0] for names in same)


def _common(names: Sequence[str]) -> str:
    """What all names begin with."""
    alike = takewhile(lambda letters: len(set(letters)) == 1, zip(*names, strict=False))
    return "".join(letters[0] for letters in alike)
