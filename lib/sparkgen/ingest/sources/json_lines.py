"""Reads texts, and labels where there are some, from the fields of JSON objects, one a line."""

from typing import TYPE_CHECKING

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.texts.files import LineFiles

if TYPE_CHECKING:
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.texts.fields import Fields


class Config(LineFiles):
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

    def fields(self) -> "Fields":
        from sparkgen.ingest.texts.fields import Fields

        return Fields(self.text, self.label)
