"""Reads lines of a label and a text, such as `1 a gorgeous, witty film`: a record each, of tokens."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.source import Files, Work
from sparkgen.ingest.texts.files import TextFiles

if TYPE_CHECKING:
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.looking.survey import Survey
    from sparkgen.ingest.texts.chunk import Form


class Config(TextFiles):
    """Lines of a label and a text, plain, .gz, .bz2, .xz or .zst."""

    separator: Annotated[str, Field(min_length=1)] | None = None
    """What stands between label and text, such as a tab; null: blanks or tabs, any number of them."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.texts.guess import guess_labelled

        return guess_labelled(look)

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        return self.text_work(dataset, files, self._form(dataset), tasks=tasks, scratch=scratch)

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        from sparkgen.ingest.texts.survey import survey_texts

        files, form = self.files(dataset), self._form(dataset)
        shares = self.chunk_shares(files, form, 1)
        return survey_texts(dataset, shares, self.manner(files, form), self.passed_over())

    def _form(self, dataset: DatasetConfig) -> "Form":
        from sparkgen.ingest.texts.fields import Fields

        return self.line_form(dataset, Fields(separator=self.separator))
