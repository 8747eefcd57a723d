"""Publishes a version: it is made in a hidden staging folder, then put into place, the manifest last.

So it is done on every storage, whether it can rename a folder or not: a version is there as soon as its
manifest is, which is when all its files are. A version's id says its content to the byte, so one that is
there and damaged is repaired in the same way, file by file, while others may be reading it.

A process that dies leaves a staging folder, whose name says who made it, and maybe files of a version
without a manifest. The next ingest of the same data removes staging whose maker is gone, and what nobody
has written to for a day.
"""

import logging
import os
import re
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial

from pyarrow import fs

from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.manifest import (
    MANIFEST,
    PICKLED_SCHEMA_FILES,
    Manifest,
    write_manifest,
)
from sparkgen.datasets.storage import open_uri, put, remove_folder
from sparkgen.errors import ManifestError

STAGING = ".staging-"
REJECTED = ".rejected"
STALE_SECONDS = 24 * 3600  # since the last file was written by another machine
THREADS = 32  # that wait for storage
READS = threading.Semaphore(2)  # files that are in memory at a time, to see whether they are whole
VERSION = re.compile(r"[0-9a-f]{16}")

log = logging.getLogger(__name__)


@contextmanager
def staging(dataset_uri: str) -> Iterator[str]:
    """The URI of a new staging folder, removed in the end; it is there from its first file on."""
    remove_stale(dataset_uri)
    host = socket.gethostname().replace("~", "")
    uri = f"{dataset_uri}/{STAGING}{host}~{os.getpid()}~{uuid.uuid4().hex[:8]}"
    try:
        yield uri
    finally:
        remove_folder(uri)


def remove_stale(dataset_uri: str) -> None:
    """Removes the staging folders whose makers are gone, and versions that nobody goes on to publish."""
    filesystem, path = open_uri(dataset_uri)
    for entry in filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True)):
        if entry.type != fs.FileType.Directory:
            continue
        if entry.base_name.startswith(STAGING):
            dead = not _at_work(filesystem, entry)
        else:
            dead = bool(VERSION.fullmatch(entry.base_name)) and _given_up(filesystem, entry)
        if dead:
            log.info("removing %s, whose maker is gone", entry.path)
            filesystem.delete_dir(entry.path)


def _at_work(filesystem: fs.FileSystem, entry: fs.FileInfo) -> bool:
    """Whether the maker of a staging folder lives; one on another machine while it writes files."""
    host, _, rest = entry.base_name.removeprefix(STAGING).partition("~")
    process = rest.partition("~")[0]
    if host == socket.gethostname().replace("~", "") and process.isdigit():
        try:
            os.kill(int(process), 0)
        except ProcessLookupError:
            return False
        except PermissionError:
            return True
        return True
    return not _stale(filesystem, entry)


def _given_up(filesystem: fs.FileSystem, entry: fs.FileInfo) -> bool:
    manifest = filesystem.get_file_info(f"{entry.path}/{MANIFEST}")
    return manifest.type == fs.FileType.NotFound and _stale(filesystem, entry)


def _stale(filesystem: fs.FileSystem, folder: fs.FileInfo) -> bool:
    """Whether nothing was written to a folder for a day; object storage knows the age of files alone."""
    inside = filesystem.get_file_info(fs.FileSelector(folder.path, recursive=True))
    ages = [info.mtime.timestamp() for info in (folder, *inside) if info.mtime is not None]
    return time.time() - max(ages, default=0.0) > STALE_SECONDS


def publish(staged_uri: str, dataset_uri: str, manifest: Manifest) -> None:
    """Makes a staged version visible; if it exists already, only its damaged files are replaced."""
    version_uri = f"{dataset_uri}/{manifest.version}"
    files = manifest.all_files(version_uri)
    with ThreadPoolExecutor(THREADS, "publish") as pool:
        written = sum(pool.map(partial(_put, staged_uri), files))
    if 0 < written < len(files):
        log.info("%d files written to %s, where the others were already", written, version_uri)
    _remove_pickled_schemas(version_uri, manifest)
    # Equal rows may come from other files, of which other things were not used.
    write_manifest(version_uri, manifest)


def _put(staged_uri: str, file: StoredFile) -> bool:
    """Puts a staged file in its place, unless it is there as it should be; whether it was not."""
    with READS, suppress(ManifestError):
        file.read()
        return False
    remove_folder(file.uri)  # where a folder has the name of the file
    put(f"{staged_uri}/{file.entry.path}", file.uri)
    return True


def _remove_pickled_schemas(version_uri: str, manifest: Manifest) -> None:
    """Removes what keeps a version from being read, and is no part of it."""
    filesystem, root = open_uri(version_uri)
    folders = [root, *(f"{root}/{split}" for split in manifest.splits)]
    names = [f"{folder}/{name}" for folder in folders for name in PICKLED_SCHEMA_FILES]
    for info in filesystem.get_file_info(names):
        if info.type == fs.FileType.File:
            log.warning("removing %s, which may carry a pickled schema", info.path)
            filesystem.delete_file(info.path)


def reject(staged_uri: str, dataset_uri: str) -> str:
    """Keeps the quarantine of a failed ingest, and returns its new folder."""
    filesystem, staged = open_uri(staged_uri)
    kept_uri = f"{dataset_uri}/{REJECTED}"
    remove_folder(kept_uri)
    for file in filesystem.get_file_info(fs.FileSelector(f"{staged}/quarantine")):
        put(f"{staged_uri}/quarantine/{file.base_name}", f"{kept_uri}/{file.base_name}")
    return kept_uri
