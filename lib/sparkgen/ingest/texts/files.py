"""Defines the base of the source formats that read texts from files."""

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.source import Files, FileSource, Work
from sparkgen.ingest.texts.options import TextOptions

if TYPE_CHECKING:
    from sparkgen.ingest.looking.survey import Survey
    from sparkgen.ingest.texts.chunk import FileChunks, Form
    from sparkgen.ingest.texts.fields import Fields
    from sparkgen.ingest.texts.job import Manner


class TextFiles(FileSource, TextOptions):
    """Texts in files: plain, .gz, .bz2, .xz or .zst."""

    validation: str | None = None
    """The files of the validation split; null: `validation_fraction` of the training split is it."""

    prose: ClassVar[bool] = True

    def text_work(
        self, dataset: DatasetConfig, files: Files, form: "Form", *, tasks: int, scratch: str
    ) -> Work:
        """The shares of work of files of one form."""
        from sparkgen.ingest.texts.job import text_work

        shares, manner = self.chunk_shares(files, form, tasks), self.manner(files, form)
        work = text_work(dataset, files, shares, manner, tasks=tasks, scratch=scratch)
        return work._replace(unused=self.passed_over() | work.unused)

    def chunk_shares(self, files: Files, form: "Form", tasks: int) -> "list[FileChunks]":
        """The chunks of all files."""
        from sparkgen.ingest.texts.chunk import file_chunks

        return [
            share
            for split, entries in files.items()
            for number, file in enumerate(entries)
            for share in file_chunks(
                split, number, file.uri, size=file.size, form=form, tasks=tasks
            )
        ]

    def line_form(self, dataset: DatasetConfig, fields: "Fields | None") -> "Form":
        """How lines are texts, those of a field where there are fields."""
        from sparkgen.ingest.texts.chunk import Form

        unicode = dataset.tokenizer.unicode if dataset.tokenizer else "none"
        return Form(False, fields, self.most_bytes, unicode)

    def manner(self, files: Files, form: "Form") -> "Manner":
        """What is done with the texts."""
        return self.manner_of(self.train)

    def _uris(self) -> dict[str, str]:
        uris = super()._uris()
        return uris | ({"validation": self.validation} if self.validation else {})


class LineFiles(TextFiles):
    """Files with a text and a label in each line."""

    @abstractmethod
    def fields(self) -> "Fields":
        """Where a line has them."""

    @property
    def has_labels(self) -> bool:
        return self.fields().labelled

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        form = self.line_form(dataset, self.fields())
        return self.text_work(dataset, files, form, tasks=tasks, scratch=scratch)

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        from sparkgen.ingest.texts.survey import survey_texts

        files, form = self.files(dataset), self.line_form(dataset, self.fields())
        shares = self.chunk_shares(files, form, 1)
        return survey_texts(dataset, shares, self.manner(files, form), self.passed_over())
