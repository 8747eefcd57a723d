"""Defines the keys of `dataset.download`: where the source files of a data set can be had."""

from typing import Annotated, Any
from urllib.parse import unquote, urlsplit

from pydantic import Field, field_validator, model_validator

from sparkgen.config.strict import Strict


class DownloadFile(Strict):
    """A file to fetch where it is missing; at least one of size, sha256 and md5 is needed."""

    url: str
    """Where the file is: an http or https URL."""
    path: str = ""
    """Where the file goes, below `environment.data`; empty: under the last name in the URL."""
    size: Annotated[int, Field(ge=0)] | None = None
    """Its bytes."""
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")] | None = None
    """Its SHA-256, 64 hexadecimal digits."""
    md5: Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")] | None = None
    """Its MD5, 32 hexadecimal digits, where nothing better is published."""

    @field_validator("url")
    @classmethod
    def _is_of_the_web(cls, url: str) -> str:
        try:
            parts = urlsplit(url)
            named = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            named = False
        if not named or not url.isprintable() or " " in url:
            raise ValueError("it must be a URL that begins with http:// or https:// and a host")
        return url

    @model_validator(mode="after")
    def _has_a_place_and_a_check(self) -> "DownloadFile":
        if any(not _is_plain(part) for part in self.target.split("/")):
            raise ValueError(
                f"path must lie below environment.data, without hidden names and *?[, found "
                f"{self.target!r}"
            )
        if self.size is None and self.sha256 is None and self.md5 is None:
            raise ValueError(f"size, sha256 or md5 must say what {self.target} is")
        return self

    @property
    def target(self) -> str:
        """The path of the file below `environment.data`."""
        return self.path or unquote(urlsplit(self.url).path).rpartition("/")[2]

    @property
    def shown_url(self) -> str:
        """The URL without what may be secret: user, password, query."""
        return shown(self.url)


class DownloadSection(Strict):
    """Where the source files can be had. Those that are missing are fetched; no version depends on it."""

    files: Annotated[tuple[DownloadFile, ...], Field(min_length=1)]
    """The files."""
    licence: str | None = None
    """The licence of the data, or what else is known of its use."""
    citation: str | None = None
    """What its makers wish to be cited."""

    @field_validator("files", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @field_validator("files")
    @classmethod
    def _targets_differ(cls, files: tuple[DownloadFile, ...]) -> tuple[DownloadFile, ...]:
        targets = [file.target for file in files]
        if twice := sorted({t for t in targets if targets.count(t) > 1}):
            raise ValueError(f"two files must not have one path, found {', '.join(twice)} twice")
        return files


def shown(url: str) -> str:
    """A URL as it may be printed: without user, password, query and fragment."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _is_plain(name: str) -> bool:
    """Whether a name of a path is one that an ingest finds, and leads nowhere else."""
    hidden = name.startswith((".", "_"))
    return bool(name) and not hidden and name.isprintable() and not set(name) & set("*?[\\")
