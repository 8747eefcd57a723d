"""Reads libsvm text, one labelled image per line."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import (
    Field,
    FiniteFloat,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, FileSource, ManyBad, Work

if TYPE_CHECKING:
    from collections import Counter

    from sparkgen.ingest.layout import Summary
    from sparkgen.ingest.libsvm.evidence import Evidence
    from sparkgen.ingest.libsvm.line import LineRule
    from sparkgen.ingest.libsvm.lines import LineShare
    from sparkgen.ingest.libsvm.look import FirstLabels, Numbers
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.looking.survey import Survey

LOOKED_BLOCKS = 8  # of text, by whose numbers the scale and the shape are found
MOST_STATED = 20  # classes that `sparkgen inspect` names, which saves a pass over the labels


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

    label_values: Annotated[tuple[FiniteFloat, ...], Field(min_length=1)] | None = None
    """The numbers that stand for the classes in order, such as [-1, 1]. null: 0, 1, ...; or, where those
    of the source plainly are others, such as 1 to 10, these in rising order."""

    @field_validator("label_values", mode="before")
    @classmethod
    def _a_list_is_a_tuple(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out a newer key at its default, so that a version is found that does not have it."""
        values: dict[str, Any] = handler(self)
        return {k: v for k, v in values.items() if k != "label_values" or v is not None}

    @model_validator(mode="after")
    def _label_values_differ(self) -> "Config":
        if len(set(self.label_values or ())) < len(self.label_values or ()):
            raise ValueError(f"label_values must differ, found {list(self.label_values or ())}")
        return self

    @model_validator(mode="after")
    def _zero_is_a_value(self) -> "Config":
        low, high = self.value_min, self.value_max
        if not low <= 0 <= high or low == high:
            raise ValueError(
                "value_min <= 0 <= value_max, since columns that are left out are 0, found "
                f"{low} and {high}"
            )
        return self

    def check(self, dataset: DatasetConfig) -> None:
        names, values = dataset.class_names, self.label_values
        if names is not None and values is not None and len(names) != len(values):
            raise RequestError(
                f"a value of source.label_values for each of the {len(names)} dataset.class_names",
                found=str(len(values)),
                mend="correct one of them",
            )

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.libsvm.foreign import refuse_foreign

        refuse_foreign([file.uri for entries in files.values() for file in entries])
        if dataset.class_names is not None:
            return Work(self._shares(files, self.rule(dataset), tasks), self.passed_over())
        names = self._names(dataset, files, tasks)
        values: tuple[float, ...] | None = tuple(map(float, names))
        if values == tuple(range(len(names))):
            values = None  # the labels themselves
        named = dataset.model_copy(update={"class_names": names})
        rule = self.rule(named)._replace(label_values=values)
        return Work(self._shares(files, rule, tasks), self.passed_over(), names)

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.libsvm.look import is_libsvm
        from sparkgen.ingest.looking.look import Recognised, Sure
        from sparkgen.ingest.looking.split_files import split_files

        files = look.those(lambda file: is_libsvm(look.head(file)))
        if not files:
            return None
        splits = split_files(look, files)
        found = f"labels with index:value pairs{splits.told}"
        return Recognised(Sure.LIKELY, splits.keys, found, as_text=True)

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        from sparkgen.ingest.class_values import in_order
        from sparkgen.ingest.libsvm.look import first_labels, look_at_numbers, missed
        from sparkgen.ingest.libsvm.seen import Seen

        files, wider = self.files(dataset), Seen()
        shares = self._shares(files, self.rule(dataset), 1)
        labels = first_labels(shares)
        names = tuple(in_order(labels.counts))
        each = max(1, LOOKED_BLOCKS // len(shares))
        texts = [text for share in shares[:LOOKED_BLOCKS] for text in share.texts(each)]
        while True:
            numbers = look_at_numbers(texts, list(map(float, names)), wider)
            if numbers is None:
                raise RequestError(
                    f"labels with index:value pairs in {self.train}",
                    found="none",
                    mend="give the path of others",
                )
            survey = self._survey(dataset, files, numbers, names, labels)
            known, wider = wider, wider.joined(missed(survey))
            if wider == known:
                return survey

    def _survey(
        self,
        dataset: DatasetConfig,
        files: Files,
        numbers: "Numbers",
        names: tuple[str, ...],
        labels: "FirstLabels",
    ) -> "Survey":
        """The survey of records of the shape and scale that some numbers have."""
        from sparkgen.ingest.looking.survey import survey_blocks

        keys: dict[str, Any] = dict(numbers.keys)
        plain = names == tuple(map(str, range(len(names))))
        if not plain and labels.whole:
            keys["label_values"] = list(map(int, names))
        told = {"class_names": names, "shape": numbers.shape}
        found = Config(**{**self.model_dump(exclude_unset=True), **keys})
        stands = None if plain else tuple(map(float, names))
        rule = found.rule(dataset.model_copy(update=told))._replace(label_values=stands)
        survey = survey_blocks(
            found._shares(files, rule, 1), numbers.shape, names, self.passed_over()
        )
        return survey._replace(
            about_shape=numbers.about_shape,
            lines=(numbers.told, *labels.told),
            keys=keys,
            options={**_stated(names if plain and labels.whole else ()), **survey.options},
        )

    def reread(
        self,
        dataset: DatasetConfig,
        files: Files,
        parsed: "Sequence[Summary]",
        *,
        tasks: int,
        scratch: str,
    ) -> Work | None:
        from sparkgen.ingest.class_values import find_classes

        fits = not any("unknown-label" in summary.reasons for summary in parsed)
        if fits or self.label_values is not None or dataset.class_names is None:
            return None
        counts, where = self._values(dataset, files, tasks), f"the labels of {self.train}"
        labels = find_classes(counts, dataset.class_names, where=where).labels
        if not all(value in labels for value in counts):
            return None
        if all(value == str(labels[value]) for value in counts):
            return None
        in_order = sorted(labels, key=lambda value: labels[value])
        values = tuple(float(value) if value in counts else math.nan for value in in_order)
        rule = self.rule(dataset)._replace(label_values=values)
        return Work(self._shares(files, rule, tasks), self.passed_over())

    def weigh(self, dataset: DatasetConfig, parsed: "Sequence[Summary]", *, refused: bool) -> None:
        from sparkgen.ingest.libsvm.evidence import weigh

        weigh(self._evidence(dataset, parsed), refused=refused)

    def contradiction(self, dataset: DatasetConfig, bad: ManyBad) -> RequestError | None:
        from sparkgen.ingest.libsvm.evidence import contradiction

        return contradiction(
            self._evidence(dataset, bad.parsed), bad.reason, count=bad.number, where=bad.where
        )

    def rule(self, dataset: DatasetConfig) -> "LineRule":
        """The part of the configuration that says how lines are read."""
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.libsvm.line import LineRule

        width, classes = record_of(dataset).size, len(dataset.class_names or ())
        first = 0 if self.zero_based else 1
        return LineRule(width, classes, first, self.value_min, self.value_max, self.label_values)

    def _shares(self, files: Files, rule: "LineRule", tasks: int) -> "list[LineShare]":
        from sparkgen.ingest.libsvm.lines import line_shares

        return [
            share
            for split, entries in files.items()
            for number, file in enumerate(entries)
            for share in line_shares(
                split, number, file.uri, size=file.size, rule=rule, tasks=tasks
            )
        ]

    def _values(self, dataset: DatasetConfig, files: Files, tasks: int) -> "Counter[str]":
        """The labels of all lines, whole numbers as text."""
        from sparkgen.ingest.label_pass import count_values

        shares = self._shares(files, self.rule(dataset), tasks)
        return count_values(shares, where=f"the labels of {self.train}")

    def _names(self, dataset: DatasetConfig, files: Files, tasks: int) -> tuple[str, ...]:
        """The labels as names, in order of what is stated, or rising."""
        from sparkgen.ingest.class_values import as_value, find_classes

        if self.label_values is not None:
            return tuple(map(as_value, self.label_values))
        counts, where = self._values(dataset, files, tasks), f"the labels of {self.train}"
        if not counts:
            raise RequestError(
                f"whole numbers as {where}", found="none", mend="correct the dataset's source"
            )
        return find_classes(counts, None, where=where).names

    def _evidence(self, dataset: DatasetConfig, parsed: "Sequence[Summary]") -> "Evidence":
        from sparkgen.ingest.libsvm.evidence import gather

        stated = "value_max" in self.model_fields_set
        return gather(self.rule(dataset), parsed, scale_is_stated=stated)


def _stated(names: tuple[str, ...]) -> dict[str, tuple[Any, str]]:
    """The key `class_names` for a dataset file, where it is short."""
    if not 0 < len(names) <= MOST_STATED:
        return {}
    return {
        "class_names": (list(names), "the labels of all lines; without them an ingest counts first")
    }
