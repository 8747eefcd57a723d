"""Finds the versions of a dataset."""

import logging
from collections.abc import Iterator

from pyarrow import fs

from sparkgen.datasets.manifest import MANIFEST, Manifest, damaged_manifest, read_manifest
from sparkgen.datasets.storage import open_uri
from sparkgen.errors import ManifestError

log = logging.getLogger(__name__)


def list_versions(
    datasets_uri: str, name: str, *, damaged: list[ManifestError] | None = None
) -> list[Manifest]:
    """All versions of a dataset, the newest manifest first; damaged ones are logged and left out.

    Args:
        datasets_uri: the folder of all datasets.
        name: of the dataset.
        damaged: takes what is wrong with those left out.
    """
    manifests = []
    for version in _version_names(datasets_uri, name):
        uri = f"{datasets_uri}/{name}/{version}"
        try:
            manifest = read_manifest(uri)
            if (manifest.name, manifest.version) != (name, version):
                raise damaged_manifest(
                    uri, f"that of version {manifest.version} of {manifest.name}"
                )
        except ManifestError as error:
            log.warning("left out a version of dataset %s: %s", name, error)
            if damaged is not None:
                damaged.append(error)
        else:
            manifests.append(manifest)
    return manifests


def _version_names(datasets_uri: str, name: str) -> Iterator[str]:
    """The names of the folders with a manifest, the newest manifest first."""
    filesystem, path = open_uri(f"{datasets_uri}/{name}")
    found = filesystem.get_file_info(fs.FileSelector(path, allow_not_found=True, recursive=False))
    names = [
        entry.base_name
        for entry in found
        if entry.type == fs.FileType.Directory and not entry.base_name.startswith(".")
    ]
    infos = filesystem.get_file_info([f"{path}/{version}/{MANIFEST}" for version in names])
    ages = [(info.mtime_ns or 0, v) for info, v in zip(infos, names, strict=True)
            if info.type == fs.FileType.File]  # fmt: skip
    return (version for _, version in sorted(ages, reverse=True))
