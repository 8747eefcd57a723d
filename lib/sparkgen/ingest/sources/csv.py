"""Reads CSV files whose rows are pictures: a label and the value of each pixel."""

import logging
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.pixel_scale import ScaledSource
from sparkgen.ingest.source import Files, FileSource, Work

if TYPE_CHECKING:
    from sparkgen.ingest.class_values import Classes
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.pixel_csv.columns import Form
    from sparkgen.ingest.pixel_csv.lines import PixelShare

MOST_SHOWN = 3  # files in a message

log = logging.getLogger(__name__)


class Config(ScaledSource, FileSource):
    """CSV of pixels as on Kaggle: `label,pixel0,pixel1,...`, with names of the columns or without.

    Plain, .gz, .bz2, .xz or .zst. Pixels are in the order of height, width, channels.
    """

    label: int | str | None = None
    """The column of the labels, by name, or by number from 0; null: found by its name, or the first of
    a file without names. Where no file has labels all are of one class."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.looking.look import MOST_HEADS, Recognised, Sure
        from sparkgen.ingest.looking.shape_guess import square_shape
        from sparkgen.ingest.looking.split_files import split_files
        from sparkgen.ingest.pixel_csv.columns import guess_size

        def shape(file: str) -> tuple[int, int, int] | None:
            return square_shape(guess_size(look.head(file)) or 0)

        alike = look.those(lambda file: shape(file) is not None)
        files = [file for file in alike if len(alike) > MOST_HEADS or shape(file) is not None]
        found = shape(files[0]) if files else None
        if found is None:
            return None
        splits = split_files(look, files)
        keys, told = splits.keys, splits.told
        if _has_labels(keys["train"], found) and not _has_labels(keys.get("test"), found):
            keys.pop("test")
            told = f"; {splits.test} has no labels, and is not used"
        if others := [file for file in alike if file not in files]:
            told += f"; not used: {', '.join(others[:MOST_SHOWN])}"
        about = "height, width, channels: square pictures of as many numbers as a line has"
        return Recognised(Sure.LIKELY, keys, f"lines of pixels{told}", found, about_shape=about)

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        forms, shares = self._unlabelled(dataset, files, tasks)
        classes = self._classes(dataset, forms, shares)
        shares = [s._replace(rule=s.rule._replace(labels=classes.labels)) for s in shares]
        return Work(shares, self.passed_over(), classes.names)

    def numbers(self, dataset: DatasetConfig) -> "Iterator[Any]":
        _, shares = self._unlabelled(dataset, self.files(dataset), 1)
        for share in shares:
            yield from share.numbers()

    def _unlabelled(
        self, dataset: DatasetConfig, files: Files, tasks: int
    ) -> "tuple[dict[str, Form], list[PixelShare]]":
        """The form of each file, and the shares, whose labels have no meaning yet."""
        from sparkgen.ingest.pixel_csv.columns import find_form, first_line
        from sparkgen.ingest.pixel_csv.lines import PixelRule, pixel_shares

        forms: dict[str, Form] = {}
        shares: list[PixelShare] = []
        for split, entries in files.items():
            for number, file in enumerate(entries):
                line = first_line(file.uri)
                form = find_form(file.uri, line, shape=dataset.shape, label=self.label)
                forms[file.uri] = form
                rule = PixelRule(form, self.scale())
                shares += pixel_shares(
                    split, number, file.uri, size=file.size, rule=rule, tasks=tasks
                )
        return forms, shares

    def _classes(
        self, dataset: DatasetConfig, forms: "dict[str, Form]", shares: "list[PixelShare]"
    ) -> "Classes":
        from sparkgen.ingest.class_values import find_classes, tell_unused, unlabelled
        from sparkgen.ingest.label_pass import count_values
        from sparkgen.ingest.pixel_csv.lines import left_out_values

        for uri, form in forms.items():
            log.info("%s has %s", uri, form)
        without = [uri for uri, form in forms.items() if form.label is None]
        if len(without) == len(forms):
            if dataset.class_names is None:
                tell_unused(left_out_values(without[0], forms[without[0]]), where=without[0])
            return unlabelled(dataset.class_names, where=without[0])
        if without:
            raise RequestError(
                f"a column of labels in {without[0]}, as in other files of the source",
                found="pixels alone",
                mend="set source.test to null, and dataset.test_fraction for a test split, or name "
                "files with labels",
            )
        where = f"the labels of {self.train}"
        return find_classes(count_values(shares, where=where), dataset.class_names, where=where)


def _has_labels(path: str | None, shape: tuple[int, int, int]) -> bool:
    """Whether a file has a column of labels; of a glob that is not looked at."""
    from sparkgen.ingest.pixel_csv.columns import find_form, first_line

    if path is None or "*" in path:
        return True
    return find_form(path, first_line(path), shape=shape, label=None).label is not None
