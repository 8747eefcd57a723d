"""Reads texts, and labels where there are some, from the fields of JSON objects, one a line."""

from typing import TYPE_CHECKING

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, Work
from sparkgen.ingest.texts.files import TextFiles

if TYPE_CHECKING:
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.looking.survey import Survey
    from sparkgen.ingest.texts.chunk import Form


class Config(TextFiles):
    """Texts in JSON lines (.jsonl, .ndjson): an object a line, plain, .gz, .bz2, .xz or .zst."""

    text: str
    """The field of the texts."""
    label: str | None = None
    """The field of the classes, by name or number; null: texts have no labels."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.texts.guess import guess_json_lines

        return guess_json_lines(look)

    def check(self, dataset: DatasetConfig) -> None:
        super().check(dataset)
        if self.label is None and (dataset.class_names or dataset.labels):
            raise RequestError(
                "source.label, the field of the classes, for dataset.class_names and labels",
                found="none",
                mend="set it, or remove them",
            )

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        return self.text_work(dataset, files, self._form(dataset), tasks=tasks, scratch=scratch)

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        from sparkgen.ingest.texts.survey import survey_texts

        files, form = self.files(dataset), self._form(dataset)
        shares = self.chunk_shares(files, form, 1)
        return survey_texts(dataset, shares, self.manner(files, form), self.passed_over())

    def _form(self, dataset: DatasetConfig) -> "Form":
        from sparkgen.ingest.texts.fields import Fields

        return self.line_form(dataset, Fields(self.text, self.label))
