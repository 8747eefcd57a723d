"""Finds out which source files of a data set are missing, and fetches those that its file knows of."""

import logging
import os
import tempfile
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.download import DownloadFile
from sparkgen.datasets.disks import on_disk
from sparkgen.datasets.storage import absolute, copy_in, is_remote
from sparkgen.errors import RequestError
from sparkgen.ingest.fetching.fetch import fetch
from sparkgen.ingest.fetching.web import NotFetched, Patience
from sparkgen.ingest.files.find import is_there
from sparkgen.ingest.source import Source

log = logging.getLogger(__name__)


def fetch_missing(
    dataset: DatasetConfig, source: Source, *, data: str, patience: Patience | None = None
) -> None:
    """Fetches the source files that are missing, of those in `dataset.download`.

    Args:
        dataset: the configuration.
        source: its source.
        data: the folder or URI of source files, `environment.data`.
        patience: with the servers; None: the usual.

    Raises:
        RequestError: one cannot be fetched, or is not what it should be.
        IngestError: the disk is full.
    """
    files = files_to_fetch(dataset, source, data)
    if not files:
        return
    log.info("%s", _terms(dataset))
    for number, file in enumerate(files):
        try:
            _bring(file, _place(data, file), patience or Patience())
        except NotFetched as reason:
            raise _refusal(files[number:], data, str(reason)) from None


def files_to_fetch(dataset: DatasetConfig, source: Source, data: str) -> list[DownloadFile]:
    """The files of `dataset.download` that are missing; arguments as for `fetch_missing`."""
    if dataset.download is None:
        return []
    return missing_files(dataset.download.files, _uris(source), data)


def missing_files(
    files: Sequence[DownloadFile], uris: Iterable[str], data: str
) -> list[DownloadFile]:
    """The files to fetch.

    For each path of the source these are the files that belong there and are missing, where some of
    them are there or nothing is there at all. What someone has put there by other names is left alone,
    and nothing is fetched beside it.

    Args:
        files: those of `dataset.download`.
        uris: the paths, globs and folders that the source reads.
        data: the folder or URI of source files.
    """
    places = {file.target: _place(data, file) for file in files}
    missing = {target for target, place in places.items() if not is_there(place)}
    owned: set[str] = set()  # by a path of the source
    wanted: set[str] = set()
    for uri in uris:
        members = {target for target, place in places.items() if _belongs(place, absolute(uri))}
        if members & missing and (not members <= missing or not is_there(uri)):
            wanted |= members & missing
        owned |= members
    wanted |= missing - owned
    return [file for file in files if file.target in wanted]


def _uris(source: Source) -> list[str]:
    return [value for value in source.model_dump().values() if isinstance(value, str)]


def _place(data: str, file: DownloadFile) -> str:
    return absolute(f"{data.rstrip('/')}/{file.target}")


def _belongs(place: str, uri: str) -> bool:
    """Whether a file is at a path, in a folder, or at or below what a glob stands for."""
    there, asked = place.split("/"), uri.rstrip("/").split("/")
    return len(asked) <= len(there) and all(
        name == pattern or fnmatchcase(name, pattern)
        for name, pattern in zip(there, asked, strict=False)
    )


def _bring(file: DownloadFile, place: str, patience: Patience) -> None:
    """Fetches a file to where it belongs; what can only be written whole gets a copy."""
    if not is_remote(place) and on_disk(place):
        fetch(file, place, patience)
        return
    with tempfile.TemporaryDirectory(prefix="sparkgen-") as folder:
        local = os.path.join(folder, os.path.basename(place))
        fetch(file, local, patience)
        try:
            copy_in(local, place)
        except OSError as error:
            raise RequestError(
                f"a place for source files that can be written, {place}",
                found=error.strerror or str(error),
                mend="say where they are to be kept: --set environment.data=FOLDER",
            ) from None


def _terms(dataset: DatasetConfig) -> str:
    """The licence and the citation of a data set, in one line."""
    section = dataset.download
    parts = [f"source files of {dataset.name} are fetched"]
    if section and section.licence:
        parts.append(f"licence: {section.licence}")
    if section and section.citation:
        parts.append(f"please cite: {section.citation}")
    return "; ".join(parts)


def _refusal(files: Sequence[DownloadFile], data: str, reason: str) -> RequestError:
    wanted = "; ".join(f"{file.target} from {file.shown_url}" for file in files)
    return RequestError(
        "source files that are there or can be fetched",
        found=f"that {files[0].shown_url} does not give its file: {reason}",
        mend=f"run the command again, or put into {absolute(data)} what is missing: {wanted}; or say "
        "where the data is: --set environment.data=FOLDER",
    )
