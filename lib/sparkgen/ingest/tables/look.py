"""Counts the rows of Parquet files by label, and shows some of their pictures, for `sparkgen inspect`."""

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import groupby, islice
from typing import NamedTuple

from sparkgen.ingest.images.pictures import Picture
from sparkgen.ingest.looking.survey import Tally
from sparkgen.ingest.tables.classes import labels_of
from sparkgen.ingest.tables.parquet import Cut, opened_parquet, readable_parquet
from sparkgen.ingest.tables.shares import REASONS, Part, TableShare


class TableLook(NamedTuple):
    """A share of a table that is looked at: a `sparkgen.ingest.looking.survey.PictureShare`."""

    share: TableShare

    def tally(self) -> Tally:
        """How many rows there are of each label, by the column of the labels alone."""
        labels: Counter[tuple[str, int]] = Counter()
        bad: Counter[str] = Counter()
        for part in self.share.parts:
            for label in self._labels(part):
                if label in REASONS:
                    bad[REASONS[label]] += 1
                else:
                    labels[part.split, label] += 1
        return Tally(labels, bad)

    def examples(self, numbers: Sequence[int]) -> Iterator[Picture]:
        """As many pictures as numbers, from the beginnings of row groups: others take long to reach."""
        firsts = [
            (part, next(cuts))
            for part in self.share.parts
            for _, cuts in groupby(part.cuts, lambda cut: cut.group)
        ]
        taken = firsts[:: -(-len(firsts) // len(numbers))]
        each = -(-len(numbers) // len(taken))
        for part, cut in taken:
            first = cut._replace(rows=min(cut.rows, each))
            with readable_parquet(part.uri), opened_parquet(part.uri) as file:
                rows = self.share.rows(part._replace(cuts=(first,)), file)
                yield from islice((row for row in rows if row.label >= 0), each)

    def _labels(self, part: Part) -> Iterator[int]:
        """The labels of all rows of a part."""
        with readable_parquet(part.uri), opened_parquet(part.uri) as file:
            for group, cuts in groupby(part.cuts, lambda cut: cut.group):
                found: list[Cut] = list(cuts)
                if part.columns.label is None:
                    yield from [0] * sum(cut.rows for cut in found)
                    continue
                table = file.read_row_group(group, [part.columns.label], use_threads=False)
                column = table.column(0).combine_chunks()
                for cut in found:
                    some = column.slice(cut.skip, cut.rows)
                    yield from labels_of(some, len(some), self.share.classes).tolist()
