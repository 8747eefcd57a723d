"""Defines the base class of a source format; each format is one file of `sparkgen.ingest.sources`.

    # ingest/sources/<format>.py
    class Config(Source):
        train: str                                # the key dataset.source.train

        def files(self, dataset): ...             # what it reads
        def shares(self, dataset, files, *, tasks, scratch): ...     # who reads what of it

The class has a field for each key of `dataset.source` besides `format`, and a method for each thing that
the ingest asks of a format. The help of the command line imports these files, so they import NumPy and
the like inside their methods.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, ClassVar, NamedTuple, Protocol

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.config.strict import Strict
from sparkgen.errors import RequestError

if TYPE_CHECKING:
    from sparkgen.datasets.manifest import SourceEntry
    from sparkgen.datasets.record import Record
    from sparkgen.ingest.block import Block
    from sparkgen.ingest.layout import Summary
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.looking.survey import Survey

Files = dict[str, list["SourceEntry"]]
"""The source files of each split."""


class Share(Protocol):
    """A share of the sources that one task reads. It travels to the executors by pickle."""

    def blocks(self) -> "Iterator[Block]":
        """The blocks of this share, one at a time in memory."""
        ...


class Work(NamedTuple):
    """The shares of the sources for the tasks, and how much of the sources is not used, by reason.

    `class_names` are those that the source found because the dataset states none; None: the stated ones.
    `record` is the form of the records, where the source found it; None: the stated one. `documents` says
    of how many documents each split is, where those are not its records. `divided`: blocks are of the
    splits that the dataset asks for, so that no share of the training records is to be set aside.
    """

    shares: Sequence[Share]
    unused: dict[str, int]
    class_names: tuple[str, ...] | None = None
    record: "Record | None" = None
    documents: dict[str, int] | None = None
    divided: bool = False

    def names(self, dataset: DatasetConfig) -> tuple[str, ...]:
        """The names of the classes, stated or found."""
        return dataset.class_names or self.class_names or NO_CLASSES


class ManyBad(NamedTuple):
    """Too many bad records of one reason.

    `number` is how many of how many records, in words, `where` what is said of the records themselves;
    `parsed` are all blocks.
    """

    parsed: "Sequence[Summary]"
    reason: str
    number: str
    where: str


class Source(Strict, ABC):
    """A `dataset.source`: what a format reads, and how it is cut into shares of work."""

    records: ClassVar[tuple[str, ...]] = ("image",)
    """The kinds of records that the format can make."""
    captions: ClassVar[tuple[str, ...]] = ("drawn",)
    """The kinds of captions that its pictures can have."""
    labelled: ClassVar[bool] = True
    """Whether its records have labels; where they have none, all of them have the label 0."""
    tokenized: ClassVar[bool] = False
    """Whether it reads texts, which a tokenizer makes tokens of."""
    unused_since_release: ClassVar[bool] = False
    """Whether older releases left records out without a word. A version whose manifest does not count
    what was left out is then made again."""

    @property
    def joins(self) -> bool:
        """Whether its records are blocks of joined documents, of which neighbours share a token."""
        return False

    def check(self, dataset: DatasetConfig) -> None:
        """Refuses options of the dataset that the format cannot do, before anything is started.

        Raises:
            RequestError: it names the first of them.
        """

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that the source will have, `train` among them."""
        return ("train", "test")

    @abstractmethod
    def files(self, dataset: DatasetConfig) -> Files:
        """The source files of each split as they are now.

        Raises:
            RequestError: one that is not there.
        """

    @abstractmethod
    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        """The source files cut into shares of work. The cut into blocks does not depend on `tasks`.

        Args:
            dataset: the configuration.
            files: from `files`.
            tasks: how many run at a time: the cores of the executors.
            scratch: URI of a folder for what has to be written first.

        Raises:
            RequestError: the files are not of this format, or contradict the configuration.
            IngestError: a file cannot be read.
        """

    def reread(
        self,
        dataset: DatasetConfig,
        files: Files,
        parsed: "Sequence[Summary]",
        *,
        tasks: int,
        scratch: str,
    ) -> Work | None:
        """Other shares to read the same files by, where `shares` misread them; None: it did not.

        Args:
            dataset: the configuration.
            files: from `files`.
            parsed: all blocks that the first shares gave.
            tasks: how many run at a time.
            scratch: URI of a folder for what has to be written first.
        """
        return None

    def weigh(self, dataset: DatasetConfig, parsed: "Sequence[Summary]", *, refused: bool) -> None:
        """Tells what was seen in the records, and refuses what contradicts the configuration.

        Args:
            dataset: the configuration.
            parsed: all blocks.
            refused: too many records are bad, and the source is refused for these.

        Raises:
            RequestError: the good records cannot be meant so.
        """

    def left_out(self, parsed: "Sequence[Summary]") -> dict[str, int]:
        """What of the good records is not in the version, by reason, as far as blocks tell it.

        Args:
            parsed: all blocks.
        """
        return {}

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        """What the format makes of a path, for `sparkgen inspect`; None: it cannot read what is there.

        Raises:
            RequestError: what is there is of this format and cannot be read.
            IngestError: as this.
        """
        return None

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        """Counts the records, and looks at some of them, for `sparkgen inspect`.

        Args:
            dataset: a draft, with the shape that the format recognised.
            scratch: URI of a folder for what has to be written first.

        Raises:
            RequestError: as `shares`.
            IngestError: as `shares`.
        """
        from sparkgen.ingest.looking.survey import survey_blocks

        work = self.shares(dataset, self.files(dataset), tasks=1, scratch=scratch)
        return survey_blocks(work.shares, dataset.shape, work.names(dataset), work.unused)

    def contradiction(self, dataset: DatasetConfig, bad: ManyBad) -> RequestError | None:
        """The error in the request that explains too many bad records; None: there is none."""
        return None


class FileSource(Source):
    """A source whose splits are files, folders or globs: the base of formats of one kind of file."""

    train: str
    """The files of the training split: a path, a folder or a glob."""
    test: str | None = None
    """The files of the test split; null: there is none."""

    prose: ClassVar[bool] = False
    """Whether words such as `test` in a file's name may mean other things than splits."""

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._uris())

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.files.split_words import refuse_splits

        found = {split: self.read(files) for split, files in self.found().items()}
        for split, uri in self._uris().items():
            refuse_splits(uri, split, [file.uri for file in found[split]], alike=self.prose)
        return found

    def found(self) -> Files:
        """All files of each split's path, folder or glob."""
        from sparkgen.ingest.files.find import find_files

        return {split: find_files(uri) for split, uri in self._uris().items()}

    def read(self, files: "list[SourceEntry]") -> "list[SourceEntry]":
        """Those of some files that the format reads."""
        return files

    def passed_over(self) -> dict[str, int]:
        """How many files of the folders are not among `files`, by reason."""
        from sparkgen.ingest.files.find import passed_over

        return dict(sorted(sum(map(passed_over, self._uris().values()), Counter[str]()).items()))

    def _uris(self) -> dict[str, str]:
        uris = {"train": self.train, "test": self.test}
        return {split: uri for split, uri in uris.items() if uri}
