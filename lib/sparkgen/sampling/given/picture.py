"""The source `picture` gives one picture to every sample."""

from collections.abc import Callable

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.storage import absolute
from sparkgen.errors import RequestError
from sparkgen.sampling.given._pictures import FilePlace, PictureConfig, Pictures, open_pictures
from sparkgen.sampling.given._source import Wanted
from sparkgen.sampling.given.folder import check_there


class Config(PictureConfig):
    """It gives one picture to every sample."""

    path: str
    """The image file, or its URI. `{data}` at its start stands for `environment.data`."""

    def check(self, wanted: Wanted) -> None:
        super().check(wanted)
        check_there(self.path, wanted)

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> Pictures:
        from sparkgen.ingest.files.find import find_files

        uris = [file.uri for file in find_files(self.path)]
        if len(uris) != 1:
            raise RequestError(
                f"one image file as {wanted.key}.path", found=f"{len(uris)} files", mend="name one"
            )
        place = FilePlace(absolute(uris[0]), uris[0].rpartition("/")[2])
        return open_pictures([place], wanted, max_pixels=self.max_pixels, in_turn=True)
