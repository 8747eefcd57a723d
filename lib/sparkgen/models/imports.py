"""The packages that models are imported from, each from a zip archive of its source.

One version of a package is imported at a time. A model of another version that was made before keeps its
code; what it imports later, within its functions, is of the newer version, except of one that was
loaded within `packages_restored`.
"""

import io
import linecache
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.abc import ExecutionLoader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import decode_source, spec_from_loader
from types import ModuleType
from typing import Any

from sparkgen.datasets.files import digest

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
        if not belongs(fullname, self.name) or not (self._file(fullname) or self._folder(fullname)):
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

    def exec_module(self, module: ModuleType) -> None:
        # `inspect`, and AutoGraph with it, would look for the source by the module's name, and find
        # that of a version which was loaded since.
        file, lines = self.get_filename(module.__name__), self.get_source(module.__name__)
        linecache.cache[file] = (len(lines), None, lines.splitlines(keepends=True), file)
        super().exec_module(module)

    def _file(self, fullname: str) -> str | None:
        path = _path(fullname)
        files = (f"{path}/__init__{SUFFIX}", f"{path}{SUFFIX}")
        return next((file for file in files if file in self.sources), None)

    def _folder(self, fullname: str) -> bool:
        return any(file.startswith(f"{_path(fullname)}/") for file in self.sources)


def top(name: str) -> str:
    """The package of a dotted name."""
    return name.partition(".")[0]


@contextmanager
def packages_restored() -> Iterator[None]:
    """Whatever is loaded within, what runs afterwards finds the packages that it found before."""
    restore = restorer()
    try:
        yield
    finally:
        restore()


def carrier(name: str) -> Package | None:
    """What a dotted name's package is imported from; None: it was not looked up or loaded."""
    return _carriers().get(top(name))


def _carriers() -> dict[str, Package]:
    return {one.name: one for one in sys.meta_path if isinstance(one, Package)}


def restorer() -> Callable[[], None]:
    """What puts back the packages, and the modules of theirs, that are in place now."""
    carriers, modules = _carriers(), dict(sys.modules)

    def restore() -> None:
        for package in carriers | _carriers():
            before = carriers.get(package)
            if carrier(package) is not before:
                forget(package)
                sys.modules.update({k: m for k, m in modules.items() if belongs(k, package)})
                if before is not None:
                    sys.meta_path.insert(0, before)

    return restore


def forget(package: str) -> None:
    """Takes a package away, and its modules."""
    if (before := carrier(package)) is not None:
        sys.meta_path.remove(before)
    for name in [name for name in sys.modules if belongs(name, package)]:
        del sys.modules[name]


def belongs(name: str, package: str) -> bool:
    """Whether a dotted name is that of a package, or of a module in it."""
    return name == package or name.startswith(f"{package}.")


def _path(fullname: str) -> str:
    return fullname.replace(".", "/")
