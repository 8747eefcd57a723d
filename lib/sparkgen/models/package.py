"""A model from a user's own package: its source, found on the path and carried along.

`model.name` may be the dotted name of any module that can be imported. Its top package, or the single
file that it is, is read as source into a zip archive, and imported from that archive alone, here as in
every worker and executor. So what cannot travel fails in the driver, before anything costly, and the
code of a registered model is that which trained it, whatever is installed where it is loaded.

The source of one version of a package is imported at a time. A model of another version that was made
before keeps its code; what it imports later, within its functions, is of the newer version.
"""

import importlib
import io
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from pathlib import Path
from types import ModuleType
from typing import Any

from packaging.requirements import InvalidRequirement, Requirement
from pydantic import BaseModel

from sparkgen.datasets.files import digest
from sparkgen.errors import RequestError

LARGEST = 16 * 2**20  # bytes of source; more is hardly one's own
SUFFIX = ".py"


class Package(MetaPathFinder, ExecutionLoader):
    """The source of a package, or of a single module, from which Python imports it.

    Args:
        name: of the package, without a dot.
        archive: a zip archive of its `.py` files by their paths.
    """

    def __init__(self, name: str, archive: bytes) -> None:
        self.name, self.archive = name, archive
        self.version = digest(archive)[:16]
        with zipfile.ZipFile(io.BytesIO(archive)) as files:
            self.sources = {file: files.read(file) for file in files.namelist()}

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        if not _belongs(fullname, self.name) or not (
            self._file(fullname) or self._folder(fullname)
        ):
            return None
        return spec_from_loader(fullname, self, is_package=self.is_package(fullname))

    def is_package(self, fullname: str) -> bool:
        return self._folder(fullname)

    def get_filename(self, fullname: str) -> str:
        file = self._file(fullname) or f"{_path(fullname)}/__init__{SUFFIX}"
        return f"<{self.name} {self.version}>/{file}"

    def get_source(self, fullname: str) -> str:
        file = self._file(fullname)
        return decode_source(self.sources[file]) if file else ""

    def _file(self, fullname: str) -> str | None:
        path = _path(fullname)
        files = (f"{path}/__init__{SUFFIX}", f"{path}{SUFFIX}")
        return next((file for file in files if file in self.sources), None)

    def _folder(self, fullname: str) -> bool:
        return any(file.startswith(f"{_path(fullname)}/") for file in self.sources)


def top(name: str) -> str:
    """The package of a dotted name."""
    return name.partition(".")[0]


def load_package(name: str) -> ModuleType | None:
    """A model's module, of the package as it stands on the path now; None: there is no such package.

    Raises:
        RequestError: its source cannot be read, or is not that of a model.
    """
    archive = _archive(top(name))
    if archive is None:
        return None
    modules = _modules(top(name))
    use_package(name, archive)
    try:
        return carried_module(name)
    except RequestError:
        # Whoever goes on in this process finds the package as it was.
        _forget(top(name))
        sys.modules.update(modules)
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
    before = _carrier(name)
    if before is None or before.version != package.version:
        _forget(package.name)
        sys.meta_path.insert(0, package)


def carried(name: str) -> bytes | None:
    """The archive of a name's package; None: it is of this release, or was not loaded."""
    package = _carrier(name)
    return None if package is None else package.archive


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


def requirements_of(module: ModuleType) -> list[str]:
    """What pip must install for a module besides sparkgen's own requirements, as it declares it.

    Raises:
        RequestError: a requirement that pip would not understand.
    """
    declared = getattr(module, "requirements", [])
    try:
        return [str(Requirement(one)) for one in declared]
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
        if _belongs(name, missing):
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
    package = _carrier(name)
    sources = () if package is None else package.sources
    there = sorted(
        file.removesuffix(SUFFIX).replace("/", ".")
        for file in sources
        if not file.endswith(f"__init__{SUFFIX}")
    )
    return RequestError(
        f"a module {name}",
        found=f"{', '.join(there[:20]) or 'none'} in {top(name)}",
        mend="correct model.name, or the folder on PYTHONPATH",
    )


def _carrier(name: str) -> Package | None:
    carriers = (one for one in sys.meta_path if isinstance(one, Package))
    return next((one for one in carriers if one.name == top(name)), None)


def _modules(package: str) -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if _belongs(name, package)}


def _forget(package: str) -> None:
    carrier = _carrier(package)
    if carrier is not None:
        sys.meta_path.remove(carrier)
    for name in _modules(package):
        del sys.modules[name]


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
    importlib.invalidate_caches()
    for finder in sys.meta_path:
        if isinstance(finder, Package):
            continue
        if (spec := finder.find_spec(package, None)) is not None:
            return spec
    return None


def _source_files(package: str, spec: ModuleSpec) -> Iterator[tuple[str, bytes]]:
    folders: Sequence[str] | None = spec.submodule_search_locations
    if folders is None:
        if spec.origin is not None and spec.origin.endswith(SUFFIX):
            yield f"{package}{SUFFIX}", Path(spec.origin).read_bytes()
        return
    for folder in map(Path, folders):
        for file in folder.rglob(f"[!.]*{SUFFIX}"):
            path = file.relative_to(folder)
            if file.is_file() and not any(part.startswith(".") for part in path.parts):
                yield f"{package}/{path.as_posix()}", file.read_bytes()


def _path(fullname: str) -> str:
    return fullname.replace(".", "/")


def _belongs(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")
