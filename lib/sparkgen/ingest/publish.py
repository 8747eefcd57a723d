"""A version comes to be: made in a hidden staging folder, then moved into place whole.

A process that dies leaves a staging folder and nothing else. Its name says who made it, so that the
next ingest removes those whose maker is gone and leaves alone those still at work.
"""

import os
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from pyarrow import fs

from sparkgen.datasets.manifest import MANIFEST, Manifest, read_manifest, write_manifest
from sparkgen.datasets.storage import open_uri, remove_folder

STAGING = ".staging-"
REJECTED = ".rejected"
STALE_SECONDS = 24 * 3600  # of a staging folder made on another machine


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
        if entry.base_name.startswith(STAGING) and not _alive(entry):
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
    """Makes a staged version visible; one of the same content that is there already stays."""
    version_uri = f"{dataset_uri}/{manifest.version}"
    filesystem, target = open_uri(version_uri)
    if filesystem.get_file_info(f"{target}/{MANIFEST}").type == fs.FileType.File:
        _count_anew(version_uri, manifest)
        return
    remove_folder(version_uri)
    if isinstance(filesystem, fs.LocalFileSystem):
        _rename(open_uri(staged_uri)[1], target, staged_uri, manifest)
        return
    files = [f.path for s in manifest.splits.values() for f in s.files]
    for file in [*files, *(f.path for f in manifest.quarantine_files)]:
        filesystem.copy_file(f"{open_uri(staged_uri)[1]}/{file}", f"{target}/{file}")
    write_manifest(version_uri, manifest)


def _count_anew(version_uri: str, manifest: Manifest) -> None:
    """Writes into a version of the same rows what was not used this time, where that differs."""
    there = read_manifest(version_uri)
    if there.unused != manifest.unused or "unused" not in there.model_fields_set:
        write_manifest(version_uri, there.model_copy(update={"unused": manifest.unused}))


def _rename(source: str, target: str, staged_uri: str, manifest: Manifest) -> None:
    # A local rename is one step, so the manifest may already be inside: there is no moment at
    # which another process sees part of a version.
    write_manifest(staged_uri, manifest)
    try:
        os.rename(source, target)
    except OSError:
        if not os.path.exists(f"{target}/{MANIFEST}"):  # else another ingest was first
            raise


def reject(staged_uri: str, dataset_uri: str) -> str:
    """Keeps the quarantine of an ingest that failed; gives where it is now."""
    filesystem, staged = open_uri(staged_uri)
    kept_uri = f"{dataset_uri}/{REJECTED}"
    kept = open_uri(kept_uri)[1]
    remove_folder(kept_uri)
    filesystem.create_dir(kept, recursive=True)
    for file in filesystem.get_file_info(fs.FileSelector(f"{staged}/quarantine")):
        filesystem.copy_file(file.path, f"{kept}/{file.base_name}")
    return kept_uri
