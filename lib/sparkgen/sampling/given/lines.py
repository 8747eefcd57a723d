"""The source `lines` gives the lines of text files: sample i is given line i."""

from collections.abc import Callable

from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.errors import RequestError
from sparkgen.sampling.given._source import SourceConfig, Wanted
from sparkgen.sampling.given._texts import Texts, open_texts
from sparkgen.sampling.given.folder import check_there


class Config(SourceConfig):
    """It gives line i of text files to sample i, without the line's end. Empty lines are left out, and
    told.
    """

    path: str
    """A UTF-8 file, plain, .gz, .bz2, .xz or .zst, or a folder or glob of them, read in the order of
    their names. `{data}` at its start stands for `environment.data`."""

    def check(self, wanted: Wanted) -> None:
        if wanted.what != "text":
            raise wanted.refuse("lines, which gives texts")
        check_there(self.path, wanted)

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> Texts:
        from sparkgen.ingest.files.compressed import opened
        from sparkgen.ingest.files.find import find_files

        lines: list[str | None] = []
        for file in find_files(self.path):
            with opened(file.uri) as stream:
                data = stream.read()
            try:
                text = data.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise RequestError(
                    f"UTF-8 text in {file.uri}, for {wanted.key}",
                    found=f"other bytes at {error.start}",
                    mend="convert the file",
                ) from None
            lines += [line.removesuffix("\r") or None for line in text.split("\n")]
            if lines and lines[-1] is None:  # what follows the last line's end
                lines.pop()
        return open_texts(lines, wanted)
