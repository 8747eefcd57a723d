"""Reads the list of the pictures of the test split, and finds the pictures that it names."""

from collections.abc import Iterator, Sequence

from pyarrow import fs

from sparkgen.datasets.storage import open_uri
from sparkgen.errors import RequestError
from sparkgen.ingest.files.archives import read_members
from sparkgen.ingest.files.compressed import opened
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.images.formats import ending
from sparkgen.ingest.trees.checks import printable, shown
from sparkgen.ingest.trees.paths import Spot


def is_file(uri: str) -> bool:
    """Whether the list is a file of its own, and not one within the sources."""
    filesystem, path = open_uri(uri)
    return bool(filesystem.get_file_info(path).type == fs.FileType.File)


def read_test_list(
    uri: str, sources: Sequence[str], listings: Sequence[list[Member]]
) -> frozenset[str]:
    """The paths that a list names, one a line.

    Args:
        uri: of a file, or the end of the path of one within a source.
        sources: the URIs of folders and archives.
        listings: their members.

    Raises:
        RequestError: there is no such list, or it is no text in UTF-8.
        IngestError: it cannot be read.
    """
    if is_file(uri):
        with opened(uri) as stream:
            data = bytes(stream.read())
    else:
        data = _member(uri, sources, listings)
    try:
        lines = data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise RequestError(
            f"text in UTF-8 as source.test_list, {uri}", found=str(error), mend="convert it"
        ) from None
    return frozenset(path for line in lines if (path := _plain(line.strip())))


def _member(uri: str, sources: Sequence[str], listings: Sequence[list[Member]]) -> bytes:
    """The content of the only file within the sources whose path is, or ends with, that of the list."""
    name = _plain(uri)
    found = [
        (source, member)
        for source, members in zip(sources, listings, strict=True)
        for member in members
        if f"/{_plain(member.name)}".endswith(f"/{name}")
    ]
    if len(found) == 1:
        ((source, member),) = found
        (data,) = read_members(source, [member])
        if data is not None:
            return data
    raise RequestError(
        f"one file as source.test_list, {uri}, at that path or within source.path",
        found=f"{len(found)} files within source.path",
        mend="give the path of the list",
    )


def split_by_list(spots: list[Spot], listed: frozenset[str], path: str) -> tuple[list[Spot], int]:
    """Puts the pictures that a list names into the test split.

    A line is a path from the source or from any folder above the classes, with or without the ending.

    Args:
        spots: of all members.
        listed: the lines.
        path: of the sources, for messages.

    Returns:
        All spots, and how many lines name no picture.

    Raises:
        RequestError: the list names no picture, or all.
    """
    seen: set[str] = set()
    split = []
    for spot in spots:
        named = () if spot.unused or spot.split is None else listed.intersection(_names(spot))
        seen.update(named)
        split.append(spot._replace(split="test") if named else spot)
    _refuse_one_split(split, listed, path)
    return split, len(listed - seen)


def _refuse_one_split(spots: list[Spot], listed: frozenset[str], path: str) -> None:
    """Refuses a list of test pictures that names none of them, or all."""
    used = [s for s in spots if s.is_picture and s.unused is None and s.split is not None]
    test = sum(s.split == "test" for s in used)
    if test == 0:
        example = printable(used[0].member.name) if used else "none"
        raise RequestError(
            f"paths of pictures in {path} in the lines of source.test_list",
            found=f"{len(listed)} lines that name none, such as {shown(sorted(listed)[:1]) or 'none'}; a "
            f"picture is {example}",
            mend="correct source.test_list or its lines",
        )
    if test == len(used):
        raise RequestError(
            f"pictures in {path} beside those of source.test_list, for the training split",
            found=f"all {test} of them in the list",
            mend="correct source.test_list or source.path",
        )


def _names(spot: Spot) -> Iterator[str]:
    """The paths by which a list may name a picture."""
    for start in range(spot.start + 1):
        path = "/".join(spot.parts[start:])
        yield path
        if end := ending(path):
            yield path[: -len(end)]


def _plain(path: str) -> str:
    return path.replace("\\", "/").removeprefix("./").lstrip("/")
