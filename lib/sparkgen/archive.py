"""Finds what lies in packages, also in those that Python imports from a zip archive.

`spark-submit --py-files` takes packages as archives: `.zip`, `.egg`, or a wheel, which is one as well.
"""

import pkgutil
import shutil
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path


def module_names(folder: Path, *, packages: bool = False) -> list[str]:
    """The names of the modules in the folder of a package, or of its packages; sorted, without `_...`."""
    found = pkgutil.iter_modules([str(folder)])
    names = (module.name for module in found if module.ispkg == packages)
    return sorted(name for name in names if not name.startswith("_"))


def archive_of(path: str) -> Path | None:
    """The archive that a path leads into, such as /a/b.zip of /a/b.zip/package; None: into none."""
    return next((above for above in Path(path).parents if above.is_file()), None)


def files_below(folder: str, suffix: str = "") -> Iterator[tuple[str, bytes]]:
    """The files in a folder or in a folder of an archive: their paths from there, and their bytes.

    Args:
        folder: its path.
        suffix: how their names end.
    """
    archive = archive_of(folder)
    if archive is None:
        for file in Path(folder).rglob(f"*{suffix}"):
            if file.is_file():
                yield file.relative_to(folder).as_posix(), file.read_bytes()
        return
    start = f"{Path(folder).relative_to(archive).as_posix()}/"
    with zipfile.ZipFile(archive) as opened:
        for name in opened.namelist():
            if name.startswith(start) and name.endswith(suffix) and not name.endswith("/"):
                yield name.removeprefix(start), opened.read(name)


def read_packaged(path: str) -> bytes:
    """The bytes of a file, which may lie in an archive; `FileNotFoundError` where it does not exist."""
    archive = archive_of(path)
    if archive is None:
        return Path(path).read_bytes()
    with zipfile.ZipFile(archive) as opened:
        try:
            return opened.read(Path(path).relative_to(archive).as_posix())
        except KeyError:
            raise FileNotFoundError(path) from None


def own_archive() -> Path | None:
    """The archive that this package is imported from, as a file NAME.zip; None: it lies in a folder."""
    archive = archive_of(__file__)
    return None if archive is None else _as_zip(archive)


def unpacked(path: Path) -> Path:
    """The path of a file or folder of this package for who cannot look into the package's archive."""
    here = Path(__file__).parent
    return path if archive_of(str(here)) is None else _copy(here) / path.relative_to(here)


@cache
def _as_zip(archive: Path) -> Path:
    name = archive.with_suffix(".zip").name
    return (
        archive if archive.name == name else Path(shutil.copy(archive, Path(_scratch().name, name)))
    )


@cache
def _copy(folder: Path) -> Path:
    copy = Path(_scratch().name, folder.name)
    for name, data in files_below(str(folder)):
        file = copy / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return copy


@cache
def _scratch() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="sparkgen-")  # goes with this process
