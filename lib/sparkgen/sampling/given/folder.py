"""The source `folder` gives the pictures of a folder: picture i to sample i, in the order of names."""

from collections.abc import Callable

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.storage import absolute
from sparkgen.errors import RequestError
from sparkgen.sampling.given._pictures import FilePlace, PictureConfig, Pictures, open_pictures
from sparkgen.sampling.given._source import Wanted


class Config(PictureConfig):
    """It gives the pictures of a folder, or of a glob, in the order of their paths. What is no picture is
    left out, and told.
    """

    path: str
    """The folder, glob or URI. `{data}` at its start stands for `environment.data`."""

    def check(self, wanted: Wanted) -> None:
        super().check(wanted)
        check_there(self.path, wanted)

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> Pictures:
        from sparkgen.ingest.files.find import find_files

        uris = [file.uri for file in find_files(self.path)]
        above = len(uris[0].rpartition("/")[0]) if len(uris) == 1 else len(_common(uris))
        places = [FilePlace(absolute(uri), uri[above:].lstrip("/")) for uri in uris]
        return open_pictures(places, wanted, max_pixels=self.max_pixels)


def check_there(path: str, wanted: Wanted) -> None:
    """Raises a `RequestError` where no file is at a path."""
    from sparkgen.ingest.files.find import is_there

    if not is_there(path):
        raise RequestError(
            f"files that are there as {wanted.key}.path",
            found=f"none at {path}",
            mend="correct it, or say where the data is: --set environment.data=FOLDER",
        )


def _common(uris: list[str]) -> str:
    """The folder that all URIs have in common, which is the beginning of each."""
    first, last = min(uris), max(uris)
    same = next(
        (n for n, (a, b) in enumerate(zip(first, last, strict=False)) if a != b), len(first)
    )
    return first[:same].rpartition("/")[0]
