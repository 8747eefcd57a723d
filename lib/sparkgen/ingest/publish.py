"""Publishes a version: it is made in a hidden staging folder, then moved into place whole.

A process that dies leaves a staging folder and nothing else. Its name says who made it, so that the
next ingest removes those whose maker is gone and leaves alone those still at work.

A version's id says its content to the byte. So a version that is there and damaged is repaired file by
file, each replaced in one step, while others may be reading it.
"""

import logging
import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from pyarrow import fs

from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.manifest import (
    PICKLED_SCHEMA_FILES,
    Manifest,
    write_manifest,
)
from sparkgen.datasets.storage import open_uri, remove_folder
from sparkgen.errors import ManifestError

STAGING = ".staging-"
REJECTED = ".rejected"
STALE_SECONDS = 24 * 3600  # of a staging folder made on another machine

log = logging.getLogger(__name__)


@contextmanager
def staging(dataset_uri: str) -> Iterator[str]:
    """The URI of a new staging folder, removed in the end unless it has been moved."""
    remove_stale(dataset_uri)
    host = socket.gethostname().replace("~", "")
    uri = f"{dataset_uri}/{STAGING}{host}~{os.getpid()}~{uuid.uuid4().hex[:8]}"
    filesystem, path = open_uri(uri)
    filesystem.create_dir(path, recursive=True)
    try:
        yield uri
    finally:
        remove_folder(uri)


def remove_stale(dataset_uri: str) -> None:
    """Removes the staging folders whose makers are gone."""
    filesystem, path = open_uri(dataset_uri)
    for entry in filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True)):
        staged = entry.type == fs.FileType.Directory and entry.base_name.startswith(STAGING)
        if staged and not _alive(entry):
            filesystem.delete_dir(entry.path)


def _alive(entry: fs.FileInfo) -> bool:
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
    return entry.mtime is None or time.time() - entry.mtime.timestamp() < STALE_SECONDS


def publish(staged_uri: str, dataset_uri: str, manifest: Manifest) -> None:
    """Makes a staged version visible; if it exists already, only its damaged files are replaced."""
    version_uri = f"{dataset_uri}/{manifest.version}"
    filesystem, target = open_uri(version_uri)
    if isinstance(filesystem, fs.LocalFileSystem) and _rename(staged_uri, target, manifest):
        return
    written = sum(_put(file, staged_uri) for file in manifest.all_files(version_uri))
    if written:
        log.info("%d files written to %s", written, version_uri)
    _remove_pickled_schemas(version_uri, manifest)
    # Equal rows may come from other files, of which other things were not used.
    write_manifest(version_uri, manifest)


def _rename(staged_uri: str, target: str, manifest: Manifest) -> bool:
    """Moves the whole staged folder; whether there was nothing in the way."""
    if os.path.lexists(target):
        return False
    # A local rename is one step, so the manifest may already be inside: there is no moment at
    # which another process sees part of a version.
    write_manifest(staged_uri, manifest)
    try:
        os.rename(open_uri(staged_uri)[1], target)
    except OSError:
        if not os.path.exists(target):  # else another ingest was first
            raise
        return False
    return True


def _put(file: StoredFile, staged_uri: str) -> bool:
    """Puts a staged file in its place, unless it is there as it should be; whether it was not."""
    with suppress(ManifestError):
        file.read()
        return False
    filesystem, place = open_uri(file.uri)
    source = open_uri(f"{staged_uri}/{file.entry.path}")[1]
    filesystem.create_dir(place.rpartition("/")[0], recursive=True)
    if isinstance(filesystem, fs.LocalFileSystem):
        remove_folder(file.uri)
        os.replace(source, place)
    else:
        filesystem.copy_file(source, place)
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
    kept = open_uri(kept_uri)[1]
    remove_folder(kept_uri)
    filesystem.create_dir(kept, recursive=True)
    for file in filesystem.get_file_info(fs.FileSelector(f"{staged}/quarantine")):
        filesystem.copy_file(file.path, f"{kept}/{file.base_name}")
    return kept_uri
