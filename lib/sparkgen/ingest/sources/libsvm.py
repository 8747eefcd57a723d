"""Reads libsvm text, one labelled image per line."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pydantic import FiniteFloat, model_validator

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, FileSource, Work

if TYPE_CHECKING:
    from sparkgen.ingest.evidence import Evidence
    from sparkgen.ingest.layout import Summary
    from sparkgen.ingest.libsvm_line import LineRule


class Config(FileSource):
    """libsvm text: `label index:value ...`, indices ascending, `#` comments, in UTF-8.

    Plain, .gz, .bz2, .xz or .zst.
    """

    zero_based: bool = False
    """Indices start at 0 instead of 1."""
    value_min: FiniteFloat = 0.0
    value_max: FiniteFloat = 255.0
    """A value v becomes round((v - value_min) / (value_max - value_min) * 255); outside is an error,
    and so is a source whose values are all so small that every picture would be black."""

    @model_validator(mode="after")
    def _zero_is_a_value(self) -> "Config":
        low, high = self.value_min, self.value_max
        if not low <= 0 <= high or low == high:
            raise ValueError(
                "value_min <= 0 <= value_max, since columns that are left out are 0, found "
                f"{low} and {high}"
            )
        return self

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.foreign import refuse_foreign
        from sparkgen.ingest.lines import line_shares

        rule = self.rule(dataset)
        refuse_foreign([file.uri for entries in files.values() for file in entries])
        shares = [
            share
            for split, entries in files.items()
            for number, file in enumerate(entries)
            for share in line_shares(
                split, number, file.uri, size=file.size, rule=rule, tasks=tasks
            )
        ]
        return Work(shares, self.passed_over())

    def weigh(self, dataset: DatasetConfig, parsed: "Sequence[Summary]", *, refused: bool) -> None:
        from sparkgen.ingest.evidence import weigh

        weigh(self._evidence(dataset, parsed), refused=refused)

    def contradiction(
        self,
        dataset: DatasetConfig,
        parsed: "Sequence[Summary]",
        reason: str,
        *,
        count: str,
        where: str,
    ) -> RequestError | None:
        from sparkgen.ingest.evidence import contradiction

        return contradiction(self._evidence(dataset, parsed), reason, count=count, where=where)

    def rule(self, dataset: DatasetConfig) -> "LineRule":
        """The part of the configuration that says how lines are read."""
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.libsvm_line import LineRule

        width, classes = record_of(dataset).size, len(dataset.class_names)
        first = 0 if self.zero_based else 1
        return LineRule(width, classes, first, self.value_min, self.value_max)

    def _evidence(self, dataset: DatasetConfig, parsed: "Sequence[Summary]") -> "Evidence":
        from sparkgen.ingest.evidence import gather

        stated = "value_max" in self.model_fields_set
        return gather(self.rule(dataset), parsed, scale_is_stated=stated)
