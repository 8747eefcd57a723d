"""A model from a user's own package: its source, found on the path and carried along.

`model.name` may be the dotted name of any module that can be imported. Its top package, or the single
file that it is, is read as source into a zip archive, and imported from that archive alone, here as in
every worker and executor. So what cannot travel fails in the driver, before anything costly, and the
code of a registered model is that which trained it, whatever is installed where it is loaded.
"""

import importlib
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import NamedTuple

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel

from sparkgen.archive import files_below, read_packaged
from sparkgen.config.nearest import nearest
from sparkgen.errors import RequestError
from sparkgen.models.imports import SUFFIX, Package, belongs, carrier, forget, restorer, top

LARGEST = 16 * 2**20  # bytes of source; more is hardly one's own


class PackageSource(NamedTuple):
    """What a model from a user's own package takes along."""

    archive: bytes
    """A zip archive of the package's `.py` files."""
    requirements: tuple[str, ...]
    """What pip must install for them besides sparkgen's own requirements."""


def load_package(name: str) -> ModuleType | None:
    """A model's module, of the package as it stands on the path now; None: there is no such package.

    Raises:
        RequestError: its source cannot be read, or is not that of a model.
    """
    named = all(part.isidentifier() for part in name.split("."))
    archive = _archive(top(name)) if named else None
    if archive is None:
        return None
    restore = restorer()
    use_package(name, archive)
    try:
        return carried_module(name)
    except RequestError:
        # Whoever goes on in this process finds the package as it was.
        restore()
        raise


def use_package(name: str, archive: bytes) -> None:
    """Has the package of a dotted name imported from an archive from now on.

    Raises:
        RequestError: the archive cannot be read.
    """
    try:
        package = Package(top(name), archive)
    except Exception as error:  # zipfile and its decompressors raise of every kind
        raise RequestError(
            f"a zip archive of the package {top(name)}",
            found=f"{type(error).__name__}: {error}",
            mend="train the model again",
        ) from error
    before = carrier(name)
    if before is None or before.version != package.version:
        forget(package.name)
        sys.meta_path.insert(0, package)


def is_carried(name: str) -> bool:
    """Whether a name's package was looked up or loaded."""
    return carrier(name) is not None


def source_of(name: str) -> PackageSource | None:
    """What a model takes along that is built now; None: it is one of sparkgen's own."""
    package = carrier(name)
    if package is None:
        return None
    return PackageSource(package.archive, requirements_of(carried_module(name)))


def carried_module(name: str) -> ModuleType:
    """A model's module, of a package that `use_package` was told of.

    Raises:
        RequestError: no such module, it fails as it is imported, or it is not that of a model.
    """
    module = _imported(name)
    config, build = getattr(module, "Config", None), getattr(module, "build", None)
    if not (isinstance(config, type) and issubclass(config, BaseModel)) or not callable(build):
        raise RequestError(
            f"Config, a pydantic model, and build(config, spec) in the module {name}",
            found=", ".join(one for one in vars(module) if not one.startswith("_")) or "nothing",
            mend="write them, or correct model.name",
        )
    requirements_of(module)
    return module


def requirements_of(module: ModuleType) -> tuple[str, ...]:
    """What pip must install for a module besides sparkgen's own requirements, as it declares it.

    Raises:
        RequestError: a requirement that pip would not understand.
    """
    declared = getattr(module, "requirements", [])
    try:
        return tuple(str(Requirement(one)) for one in declared)
    except (InvalidRequirement, TypeError) as error:
        raise RequestError(
            f"requirements, a list such as ['scipy>=1.11'], in the module {module.__name__}",
            found=repr(declared),
            mend="correct it",
        ) from error


def _imported(name: str) -> ModuleType:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = str(error.name)
        if belongs(name, missing):
            raise _no_module(name) from error
        raise RequestError(
            f"{name} with all that it imports",
            found=f"no module named {missing}",
            mend="install it; of a model's own package only the .py files are used",
        ) from error
    except Exception as error:  # the code is the user's, and may raise of every kind
        raise RequestError(
            f"a module {name} that can be imported",
            found=f"{type(error).__name__}: {error}",
            mend="correct it; of a model's own package only the .py files are used",
        ) from error


def _no_module(name: str) -> RequestError:
    package = carrier(name)
    sources = () if package is None else package.sources
    there = sorted(
        file.removesuffix(SUFFIX).replace("/", ".")
        for file in sources
        if not file.endswith(f"__init__{SUFFIX}")
    )
    meant = nearest(name, there)
    first = f"did you mean {meant}? " if meant else ""
    return RequestError(
        f"a module {name}",
        found=f"{', '.join(there[:20]) or 'none'} in {top(name)}",
        mend=f"{first}correct model.name, or the folder on PYTHONPATH",
    )


def _archive(package: str) -> bytes | None:
    """The source of a package that can be imported: the same bytes for the same files."""
    spec = _spec_on_path(package)
    if spec is None:
        return None
    try:
        files = dict(sorted(_source_files(package, spec)))
    except OSError as error:
        raise RequestError(
            f"the .py files of {package}", found=str(error), mend="make them readable"
        ) from error
    size = sum(len(data) for data in files.values())
    if not files or size > LARGEST:
        raise RequestError(
            f"a package with model.name whose .py files lie in a folder, {LARGEST:,} bytes at most",
            found=f"{size:,} bytes of {package} in {spec.origin or 'its folders'}",
            mend="name a module of your own",
        )
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(zipfile.ZipInfo(name), data)  # of 1980, and not compressed
    return buffer.getvalue()


def _spec_on_path(package: str) -> ModuleSpec | None:
    # A file that was written since Python last looked is found as well.
    importlib.invalidate_caches()
    for finder in sys.meta_path:
        find = getattr(finder, "find_spec", None)
        if find is None or isinstance(finder, Package):
            continue
        if (spec := find(package, None)) is not None:
            return spec
    return None


def _source_files(package: str, spec: ModuleSpec) -> Iterator[tuple[str, bytes]]:
    folders: Sequence[str] | None = spec.submodule_search_locations
    if folders is None:
        if spec.origin is not None and spec.origin.endswith(SUFFIX):
            yield f"{package}{SUFFIX}", read_packaged(spec.origin)
        return
    for folder in folders:
        for path, data in files_below(folder, SUFFIX):
            if not any(part.startswith(".") for part in path.split("/")):
                yield f"{package}/{path}", data
