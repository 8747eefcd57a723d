"""Reads pictures or texts from columns of tables: Parquet, Delta, a catalog's, any that Spark reads."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.picture_options import PictureOptions
from sparkgen.ingest.source import Files, ManyBad, Work
from sparkgen.ingest.texts.options import TextOptions

if TYPE_CHECKING:
    from sparkgen.ingest.images.decode import ImageRule
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.looking.survey import PictureShare, Survey
    from sparkgen.ingest.tables.shares import Part
    from sparkgen.ingest.tables.spark import Table

log = logging.getLogger(__name__)


class Config(PictureOptions, TextOptions):
    """Pictures or texts in a column of a table: Parquet as Hugging Face has it, Delta, a catalog's table,
    others.

    Each picture is the bytes of an image file, or a struct of such `bytes` and of a `path`.
    """

    captions: ClassVar[tuple[str, ...]] = ("drawn", "column")

    train: str
    """The training split: a file, folder or glob of Parquet files, the folder of a Delta table, the name
    of a catalog's table, or a path of anything else that Spark reads."""
    test: str | None = None
    """The same of the test split; null: there is none."""
    validation: str | None = None
    """The same of the validation split, of texts; null: `validation_fraction` of the training split is
    it."""
    text: str | None = None
    """The column of texts, for a tokenizer; null: the table has pictures. Of texts, only a column that
    `label` names is that of labels."""
    reader: str | None = None
    """What reads them: parquet, delta, catalog, or any format of Spark such as orc or binaryFile; null:
    by what is there and how files' names end."""
    image: str | None = None
    """The column of pictures; null: the only one of bytes, or of a struct with bytes. Where the bytes of
    a struct are null, its path leads from the folder of the Parquet file to the image file; in tables
    that Spark reads it is not followed."""
    label: str | None = None
    """The column of labels, integers or text; null: one named label, class, category, target or the
    like, in any case, or the only one with class names, if there is one. Integers count from 0 in the
    names that Hugging Face wrote into the table."""
    order_by: str | None = None
    """The column whose order rows take; null: Parquet files by name, with their rows as they lie, and
    rows of other tables by the SHA-256 of picture and label. Where two rows have one value, that
    decides."""

    records: ClassVar[tuple[str, ...]] = ("image", "tokens")
    later: ClassVar[tuple[str, ...]] = ("text", "validation", "blocks", "held_out", "most_bytes")

    def check(self, dataset: DatasetConfig) -> None:
        if self.text is not None:
            super().check(dataset)
            return
        stated = sorted(self.model_fields_set & set(self.later))
        if dataset.record != "image" or stated:
            raise RequestError(
                "source.text, the column of texts, where "
                + (f"source.{stated[0]} is set" if stated else "dataset.record is tokens"),
                found="none",
                mend="set it, or remove the other",
            )

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.looking.look import Recognised, Sure
        from sparkgen.ingest.looking.split_files import split_files
        from sparkgen.ingest.tables.delta import is_delta
        from sparkgen.ingest.tables.names import PARQUET, find_table, reader_by_ending
        from sparkgen.ingest.tables.text_look import recognise_texts

        if look.kind == "nothing":
            named = look.may_be_catalog
            keys = {"train": look.path, "reader": "catalog"}
            return Recognised(Sure.MARKED, keys, "a catalog's table", spark=True) if named else None
        if look.kind == "folder" and is_delta(look.path):
            return Recognised(Sure.MARKED, {"train": look.path}, "a Delta table", spark=True)
        readers = (PARQUET, "orc", "avro")
        files = look.those(lambda file: reader_by_ending(file) in readers)
        if not files:
            return None
        splits = split_files(look, files)
        tables = [find_table(uri) for uri in splits.keys.values()]
        found = f"{tables[0].reader} files: {len(files)}{splits.told}"
        texts = recognise_texts(tables[0], splits.keys, found)
        return texts or Recognised(
            Sure.MARKED, splits.keys, found, spark=not all(table.direct for table in tables)
        )

    def looks(self, shares: "Sequence[Any]") -> "Sequence[PictureShare]":
        from sparkgen.ingest.tables.look import TableLook

        return [TableLook(share) for share in shares]

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._uris())

    @property
    def has_labels(self) -> bool:
        return self.label is not None

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.tables.spark import spark_entry

        return {
            split: table.found.files if table.found.direct else [spark_entry(table)]
            for split, table in self._tables(dataset).items()
        }

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.files.find import passed_over
        from sparkgen.ingest.images.decode import ImageRule
        from sparkgen.ingest.tables.classes import classes_of
        from sparkgen.ingest.tables.parquet import tell_unused_columns
        from sparkgen.ingest.tables.shares import table_shares

        # Blocks of texts are cut by the number of rows alone.
        rule = self.rule(dataset) if self.text is None else ImageRule((1, 1, 1))
        unused = Counter[str]()
        parts: list[Part] = []
        for split, table in self._tables(dataset).items():
            if table.found.direct:
                uris = [file.uri for file in files[split]]
                parts += _parts(split, uris, table, rule)
            else:
                parts += _sorted_parts(split, table, rule, f"{scratch}/table-{split}")
            if table.found.root:
                unused += passed_over(table.uri) + Counter({"not-parquet": table.found.others})
        columns = [part.columns for part in parts]
        if self.text is not None:
            work = self._texts(dataset, files, parts, tasks=tasks, scratch=scratch)
            return work._replace(unused=dict(sorted(unused.items())) | work.unused)
        classes = classes_of(columns, dataset.class_names, _labels(parts), self.train)
        if dataset.class_names is None and columns[0].label is None and parts[0].folder:
            tell_unused_columns(parts[0].uri, columns[0])
        log.info(
            "pictures from column %s, labels from %s",
            columns[0].image,
            f"column {columns[0].label}" if columns[0].label else "no column: all are of one class",
        )
        shares = table_shares(parts, classes, rule, tasks=tasks)
        return Work(shares, dict(sorted(unused.items())), classes.names)

    def survey(self, dataset: DatasetConfig, *, scratch: str) -> "Survey":
        from sparkgen.ingest.images.decode import ImageRule
        from sparkgen.ingest.tables.texts import named, text_shares
        from sparkgen.ingest.texts.survey import survey_texts

        if self.text is None:
            return super().survey(dataset, scratch=scratch)
        files, rule = self.files(dataset), ImageRule((1, 1, 1))
        parts = [
            part
            for split, table in self._tables(dataset).items()
            for part in _parts(split, [file.uri for file in files[split]], table, rule)
        ]
        shares = text_shares(parts, rule, "none", self.most_bytes, tasks=1)
        manner = self.manner_of(self.train)
        return survey_texts(named(dataset, parts), shares, manner, {})

    def _texts(
        self, dataset: DatasetConfig, files: Files, parts: "list[Part]", *, tasks: int, scratch: str
    ) -> Work:
        from sparkgen.ingest.images.decode import ImageRule
        from sparkgen.ingest.tables.texts import named, text_shares
        from sparkgen.ingest.texts.job import text_work

        unicode = dataset.tokenizer.unicode if dataset.tokenizer else "none"
        rule = ImageRule((1, 1, 1))
        shares = text_shares(parts, rule, unicode, self.most_bytes, tasks=tasks)
        manner = self.manner_of(self.train)
        dataset = named(dataset, parts)
        return text_work(dataset, files, shares, manner, tasks=tasks, scratch=scratch)

    def contradiction(self, dataset: DatasetConfig, bad: ManyBad) -> RequestError | None:
        from sparkgen.ingest.class_values import in_order, shown

        if bad.reason != "unknown-label" or self.text is not None:
            return super().contradiction(dataset, bad)
        parts = [
            part
            for split, table in self._tables(dataset).items()
            if table.found.direct
            for part in _parts(split, [f.uri for f in table.found.files], table, self.rule(dataset))
        ]
        if not parts:  # the rows that Spark sorted are no more there
            return None
        names, found = dataset.class_names or (), sum(_labels(parts), Counter[str]())
        meant = "of dataset.class_names" if parts[0].columns.is_text else f"0 to {len(names) - 1}"
        return RequestError(
            f"labels {meant} in column {parts[0].columns.label} of {self.train}",
            found=f"{shown(in_order(found))}, unknown in {bad.number}",
            mend=f"correct dataset.class_names, or leave it out; {bad.where}",
        )

    def _tables(self, dataset: DatasetConfig) -> "dict[str, Table]":
        """The table of each split, as it is now."""
        from sparkgen.ingest.tables.names import find_table
        from sparkgen.ingest.tables.spark import Table

        found = {
            split: find_table(uri, split=split, reader=self.reader, order_by=self.order_by)
            for split, uri in self._uris().items()
        }
        caption = None if dataset.captions is None else dataset.captions.column
        return {
            split: Table(
                self._uris()[split],
                table,
                self.text or self.image,
                self.label,
                self.order_by,
                self.text is not None,
                caption,
            )
            for split, table in found.items()
        }

    def _uris(self) -> dict[str, str]:
        uris = {"train": self.train, "validation": self.validation, "test": self.test}
        return {split: uri for split, uri in uris.items() if uri}


def _parts(split: str, uris: list[str], table: "Table", rule: "ImageRule") -> "list[Part]":
    """The blocks of Parquet files that are read as they lie."""
    from sparkgen.ingest.tables.parquet import read_footers
    from sparkgen.ingest.tables.shares import Part

    footers = read_footers(uris, rule, table.columns)
    return [
        Part(split, number, uri, columns, cuts, folder=uri.rpartition("/")[0])
        for number, (uri, (columns, cuts)) in enumerate(zip(uris, footers, strict=True))
    ]


def _sorted_parts(split: str, table: "Table", rule: "ImageRule", folder: str) -> "list[Part]":
    """The blocks of a table that Spark reads and brings into an order: one source, in several files."""
    from sparkgen.ingest.tables.parquet import read_footers
    from sparkgen.ingest.tables.shares import Part
    from sparkgen.ingest.tables.spark import sort_table

    uris, columns = sort_table(table, folder)
    parts, number = [], 0
    footers = read_footers(uris, rule, lambda schema, uri: columns)
    for uri, (_, cuts) in zip(uris, footers, strict=True):
        parts.append(Part(split, 0, uri, columns, cuts, number))
        number += len(cuts)
    return parts


def _labels(parts: "list[Part]") -> "Iterator[Counter[str]]":
    """How many rows of each part there are of each label, where it has labels."""
    from sparkgen.ingest.tables.parquet import count_labels

    return count_labels([(p.uri, p.columns.label) for p in parts if p.columns.label])
