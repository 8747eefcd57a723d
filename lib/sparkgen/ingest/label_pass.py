"""Finds all values that mean classes in a source of text, in a pass of its own over its shares."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Protocol

from pyspark.sql import SparkSession

from sparkgen.errors import RequestError
from sparkgen.tasks import run_each

MOST_VALUES = 1 << 16  # of one source; more are no classes


class ValueShare(Protocol):
    """A share of a source that can be read for its labels alone."""

    def values(self) -> Iterator[Counter[str]]:
        """The values for classes in each of its blocks, with the number of their records."""
        ...


def count_values(shares: Sequence[ValueShare], *, where: str) -> Counter[str]:
    """How many records there are of each value for a class; on the executors, where there are some.

    Args:
        shares: all of the source.
        where: what the values are, for messages.

    Raises:
        RequestError: there are more than `MOST_VALUES`.
        IngestError: a file cannot be read.
    """

    def read(share: ValueShare) -> Iterator[Counter[str]]:
        found: Counter[str] = Counter()
        for some in share.values():
            found += some
            _refuse_many(found, where)
        yield found

    spark = SparkSession.getActiveSession()
    counts = (
        [c for s in shares for c in read(s)] if spark is None else run_each(spark, read, shares)
    )
    found = sum(counts, Counter[str]())
    _refuse_many(found, where)
    return found


def _refuse_many(found: Counter[str], where: str) -> None:
    if len(found) > MOST_VALUES:
        raise RequestError(
            f"{where} that name classes",
            found=f"more than {MOST_VALUES} different ones, such as {min(found)[:40]!r}",
            mend="correct the dataset's source",
        )
