"""Gives the file systems of remote storage: pyarrow's own, and fsspec's where pyarrow has none.

Credentials, regions and endpoints come from the environment and the files that the tools of each cloud
read. A file system is made once a bucket, since its connections are dear to open.
"""

import importlib
import os
from functools import lru_cache
from typing import Any
from urllib.parse import quote, unquote

from pyarrow import ArrowException, fs

from sparkgen.access import own_access
from sparkgen.errors import RequestError
from sparkgen.unexpected import first_line

KINDS = {
    "s3": "s3",
    "s3a": "s3",
    "s3n": "s3",
    "gs": "gs",
    "gcs": "gs",
    "abfs": "abfss",
    "abfss": "abfss",
    "hdfs": "hdfs",
    "viewfs": "viewfs",
}
"""The schemes that are known, each with the name under which its file system is found."""
BY_FSSPEC = {"abfss": ("adlfs", "azure")}
"""Kinds that pyarrow lacks: the package with fsspec's file system, and the extra that has it."""
BY_LIBHDFS = ("hdfs", "viewfs")

_LEGAL = "[]@!$&'()*+,;=:%~"  # in the host of a URI, beside letters, digits and _.-


def open_remote(uri: str) -> tuple[fs.FileSystem, str]:
    """The file system of a URI `scheme://host/path`, and the path within it.

    Raises:
        RequestError: a scheme that is not known here, a package that is not installed, or a URI that is
            none.
    """
    check_scheme(uri)
    scheme, _, rest = uri.partition("://")
    place, _, query = rest.partition("?")
    host, _, path = place.partition("/")
    kind = KINDS[scheme]
    try:
        options = "&".join(filter(None, (query, _s3_settings() if kind == "s3" else "")))
        filesystem, base = _file_system(kind, host, options, tuple(own_access().items()))
    except (ArrowException, ImportError, OSError, ValueError) as error:
        if isinstance(error, ImportError) and kind in BY_FSSPEC:
            package, extra = BY_FSSPEC[kind]
            mend = f"pip install 'sparkgen[{extra}]'"
            raise RequestError(
                f"the package {package} for {uri}", found="none", mend=mend
            ) from None
        raise RequestError(
            f"a storage that this machine can reach at {uri}",
            found=first_line(error),
            mend="install Hadoop's client and set JAVA_HOME, HADOOP_HOME and CLASSPATH for its libhdfs"
            if kind in BY_LIBHDFS
            else "correct the URI, or what lets this machine in",
        ) from None
    return filesystem, f"{base.rstrip('/')}/{unquote(path)}".rstrip("/") if path else base


def check_scheme(uri: str) -> None:
    """Refuses a remote URI of a scheme that is not known here, by a `RequestError`."""
    if uri.partition("://")[0] not in KINDS:
        raise RequestError(
            f"a path, or a URI of {', '.join(KINDS)}, file or dbfs", found=uri, mend="correct it"
        )


@lru_cache(maxsize=64)
def _file_system(
    kind: str, host: str, options: str, access: tuple[tuple[str, str], ...]
) -> tuple[fs.FileSystem, str]:
    """The file system of a host or bucket, and the path of its root; made anew for another `access`."""
    if not host.rpartition("@")[2]:
        raise ValueError("a URI without a host or bucket")
    uri = f"{kind}://{quote(host, safe=_LEGAL)}"
    if kind in BY_FSSPEC:
        return _by_fsspec(kind, uri)
    filesystem, base = fs.FileSystem.from_uri(f"{uri}?{options}" if options else uri)
    return filesystem, base


def _s3_settings() -> str:
    """The region and the endpoint of S3 that the environment names, as options of pyarrow's URIs.

    pyarrow alone would ask Amazon for the region of each bucket.
    """
    names = {
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
        "endpoint_override": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
    }
    found = {
        option: next((os.environ[name] for name in among if os.environ.get(name)), None)
        for option, among in names.items()
    }
    return "&".join(f"{key}={quote(value, safe='')}" for key, value in found.items() if value)


def _by_fsspec(kind: str, uri: str) -> tuple[fs.FileSystem, str]:
    importlib.import_module(BY_FSSPEC[kind][0])
    from fsspec.core import url_to_fs

    filesystem, base = url_to_fs(uri)
    return fs.PyFileSystem(_Handler(filesystem)), base


class _Handler(fs.FSSpecHandler):
    """Gives the times of files too, by which the newest version is found, and looks anew each time.

    Implementations keep what they have listed, and other processes write: whatever looks for a file first
    forgets the listings.
    """

    def get_file_info(self, paths: list[str]) -> list[fs.FileInfo]:
        self.fs.invalidate_cache()
        return super().get_file_info(paths)

    def get_file_info_selector(self, selector: fs.FileSelector) -> list[fs.FileInfo]:
        self.fs.invalidate_cache()
        return super().get_file_info_selector(selector)

    def open_input_file(self, path: str) -> Any:
        self.fs.invalidate_cache()
        return super().open_input_file(path)

    def open_input_stream(self, path: str) -> Any:
        self.fs.invalidate_cache()
        return super().open_input_stream(path)

    def copy_file(self, src: str, dest: str) -> None:
        self.fs.invalidate_cache()
        super().copy_file(src, dest)

    def delete_file(self, path: str) -> None:
        self.fs.invalidate_cache()
        super().delete_file(path)

    def delete_dir(self, path: str) -> None:
        self.fs.invalidate_cache()
        super().delete_dir(path)

    @staticmethod
    def _create_file_info(path: str, info: dict[str, Any]) -> fs.FileInfo:
        times = (info.get(key) for key in ("mtime", "last_modified", "LastModified", "updated"))
        time = next(filter(None, times), None)
        return fs.FSSpecHandler._create_file_info(path, {**info, "mtime": time})
