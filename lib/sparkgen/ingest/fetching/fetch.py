"""Fetches one file from the web: afterwards it is there whole and checked, or not at all.

The bytes go to the hidden file `.NAME.part` beside the target, which stays when the program is stopped,
killed or left alone by the server. The next fetch goes on where it ends, if a digest can tell in the end
whether both halves are of one file. Only a whole file that was checked gets its name.
"""

import hashlib
import logging
import os
import sys
import time
from typing import Any, BinaryIO

from sparkgen.config.download import DownloadFile
from sparkgen.errors import IngestError, RequestError
from sparkgen.ingest.fetching.part import finish, locked_part
from sparkgen.ingest.fetching.web import Answer, Broken, NotFetched, Patience, Unreachable, ask

log = logging.getLogger(__name__)


class WrongFile(Exception):
    """What a server gives is not the file that is wanted; the message says what it is."""


def fetch(file: DownloadFile, target: str, patience: Patience) -> None:
    """Fetches a file, unless it is there.

    Args:
        file: where it is and how it is checked.
        target: the local path that it gets; its folder is made.
        patience: with the server.

    Raises:
        NotFetched: the server does not give it. What it gave is kept to go on with.
        RequestError: what the server gives is another file, or the folder cannot be written.
        IngestError: the disk is full.
    """
    with locked_part(target) as part:
        if os.path.exists(target):  # another process was first
            os.remove(part.name)
            return
        try:
            _fill(file, part, target, patience)
            finish(part, target)
        except WrongFile as wrong:
            os.remove(part.name)
            raise RequestError(
                f"{_stated(file)} at {file.shown_url}",
                found=f"{wrong}, which was removed",
                mend=f"correct dataset.download, or put the right file to {target}",
            ) from None
        except OSError as error:
            kept = os.fstat(part.fileno()).st_size
            raise IngestError(
                f"{target} could not be written: {error.strerror or error}; {kept} bytes of it are kept: "
                "make room and run the command again"
            ) from None


def _fill(file: DownloadFile, part: BinaryIO, target: str, patience: Patience) -> None:
    """Makes a part the whole file, checked."""
    transfer = _Transfer(file, part, patience)
    resumed = transfer.length
    kept = f", of which {resumed} bytes are there" if resumed else ""
    log.info("fetching %s from %s%s", target, file.shown_url, kept)
    transfer.run()
    try:
        _check(file, part, transfer.encoding)
    except WrongFile:
        if not transfer.joined:
            raise
        log.warning("the parts of %s are not of one file: it is fetched anew", target)
        transfer.begin_anew()
        transfer.run()
        _check(file, part, transfer.encoding)


class _Transfer:
    """The state of a fetch: how much of the file the part has, and what is known of it.

    Args:
        file: what is fetched.
        part: takes its bytes.
        patience: with the server.
    """

    def __init__(self, file: DownloadFile, part: BinaryIO, patience: Patience) -> None:
        self.file = file
        self.part = part
        self.patience = patience
        self.encoding = ""
        self._answered = False
        self._validator: str | None = None
        self._has_digest = file.sha256 is not None or file.md5 is not None
        self.length = os.fstat(part.fileno()).st_size
        if not self._has_digest or self.length > (file.size or self.length):
            self.begin_anew()
        self.joined = self.length > 0
        """Whether the bytes are of more than one answer."""

    def begin_anew(self) -> None:
        """Drops what the part has."""
        self.part.truncate(0)
        self.length = 0
        self.joined = False
        self._validator = None

    def run(self) -> None:
        """Asks again and again, until the part has all that the server has to give.

        Raises:
            NotFetched: the server gives nothing, or nothing more.
            WrongFile: it gives more or less than the file's size.
        """
        furthest, failures = self.length, 0
        with _bar(self.file, self.length) as bar:
            while not self._has_all():
                try:
                    self._attempt(bar)
                    return
                except Broken as broken:
                    if isinstance(broken, Unreachable) and not self._answered:
                        raise
                    failures = 1 if self.length > furthest else failures + 1
                    furthest = max(furthest, self.length)
                    if failures >= self.patience.tries:
                        raise NotFetched(f"{broken}, {failures} times in a row") from None
                time.sleep(self.patience.pause_seconds * 2 ** (failures - 1))

    def _has_all(self) -> bool:
        """Whether no server has to be asked any more."""
        return self.length > 0 and self.length == self.file.size

    def _attempt(self, bar: Any) -> None:
        if self.length and not self._has_digest and self._validator is None:
            self.begin_anew()
        with ask(
            self.file.url,
            offset=self.length,
            validator=self._validator,
            patience=self.patience,
        ) as answer:
            self._answered = True
            if answer.begins is None and answer.total == self.length:
                return  # all of it was there
            self._place(answer)
            for chunk in answer.chunks:
                self._write(chunk)
                bar.update(self.length - bar.n)
        whole = self.file.size if answer.total is None else answer.total
        if whole is not None and self.length < whole:
            raise Broken(f"it breaks off after {self.length} of {whole} bytes")

    def _place(self, answer: Answer) -> None:
        """Gets ready for the bytes of an answer, which may begin elsewhere than they were asked to."""
        if answer.begins not in (0, self.length):
            self.begin_anew()
            raise Broken("it does not give the bytes that were asked for")
        if answer.total is not None and answer.total != (self.file.size or answer.total):
            raise NotFetched(f"it offers {answer.total} bytes instead of {self.file.size}")
        if answer.begins == 0 and self.length:
            self.begin_anew()
        self.joined = self.length > 0
        self._validator = answer.validator
        self.encoding = answer.encoding

    def _write(self, chunk: bytes) -> None:
        rest = memoryview(chunk)
        while rest:
            rest = rest[self.part.write(rest) :]
        self.length += len(chunk)
        if self.file.size is not None and self.length > self.file.size:
            raise WrongFile(f"one of more than {self.file.size} bytes")


def _check(file: DownloadFile, part: BinaryIO, encoding: str) -> None:
    """Checks the size and the digests of a whole file.

    Raises:
        WrongFile: the first that is not as stated.
    """
    coded = f", sent as {encoding}" if encoding else ""
    with open(part.name, "rb") as whole:
        size = os.fstat(whole.fileno()).st_size
        if file.size not in (None, size):
            raise WrongFile(f"one of {size} bytes{coded}")
        for name, stated in (("sha256", file.sha256), ("md5", file.md5)):
            whole.seek(0)
            if (
                stated is not None
                and (found := hashlib.file_digest(whole, name).hexdigest()) != stated
            ):
                raise WrongFile(f"one with the {name} {found}{coded}")


def _stated(file: DownloadFile) -> str:
    digest = f"the sha256 {file.sha256}" if file.sha256 else f"the md5 {file.md5}"
    size = f"{file.size} bytes"
    if file.sha256 is None and file.md5 is None:
        return f"a file of {size}"
    return f"a file with {digest}" + (f" and {size}" if file.size is not None else "")


def _bar(file: DownloadFile, length: int) -> Any:
    """A progress bar, which is shown on terminals only."""
    from tqdm import tqdm

    return tqdm(
        desc=file.target.rpartition("/")[2],
        total=file.size,
        initial=length,
        unit="B",
        unit_scale=True,
        leave=False,
        disable=not sys.stderr.isatty(),
    )
