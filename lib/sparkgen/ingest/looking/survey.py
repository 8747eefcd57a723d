"""Counts what a source holds and looks at some of it, with the code that the ingest uses."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.block import Block
from sparkgen.ingest.reach import Reach

if TYPE_CHECKING:
    from sparkgen.ingest.images.pictures import Picture

MOST_BYTES = 64 << 20  # of the records of a split that are read
EXAMPLES = 64  # pictures that are decoded
ALLOWED: float = DatasetConfig.model_fields["max_bad_fraction"].default


class Tally(NamedTuple):
    """How many records there are of each label in each split, and how many are bad, by reason."""

    labels: Counter[tuple[str, int]]
    bad: Counter[str]


class Blocks(Protocol):
    """A share of a source."""

    def blocks(self) -> Iterator[Block]:
        """Its blocks, one at a time in memory."""
        ...


class PictureShare(Protocol):
    """A share of encoded pictures."""

    def tally(self) -> Tally:
        """Its records, without a look at the pictures."""
        ...

    def examples(self, numbers: Sequence[int]) -> "Iterator[Picture]":
        """Some of its good records, by their numbers in rising order, from 0."""
        ...


class Survey(NamedTuple):
    """What was seen of a source.

    `keys` are further ones of `dataset.source`, and `options` of the dataset, each with a comment.
    `about_shape` is the comment of the shape. `part` says how much was looked at, where not all was.
    `found` is how far the numbers reach that made records bad, by reason.
    """

    shape: tuple[int, ...]
    class_names: tuple[str, ...]
    tally: Tally
    unused: dict[str, int]
    about_shape: str = ""
    lines: tuple[str, ...] = ()
    part: str = ""
    keys: Mapping[str, Any] = {}
    options: Mapping[str, tuple[Any, str]] = {}
    found: Mapping[str, Reach] = {}

    def too_many(self, *reasons: str) -> dict[str, Reach]:
        """How far the numbers of bad records reach, by reason; empty: an ingest allows so few."""
        few = ALLOWED * (self.tally.labels.total() + self.tally.bad.total())
        if sum(self.tally.bad[reason] for reason in reasons) <= few:
            return {}
        return {reason: self.found[reason] for reason in reasons if reason in self.found}

    @property
    def rows(self) -> dict[str, int]:
        """The records of each split."""
        rows: Counter[str] = Counter()
        for (split, _), count in self.tally.labels.items():
            rows[split] += count
        return {split: rows[split] for split in ("train", "validation", "test") if rows[split]}

    def counts(self) -> dict[str, int]:
        """The records of each class, by its name, in all splits together."""
        found: Counter[int] = Counter()
        for (_, label), count in self.tally.labels.items():
            found[label] += count
        return {name: found[label] for label, name in enumerate(self.class_names)}


def survey_blocks(
    shares: Sequence[Blocks],
    shape: tuple[int, ...],
    class_names: tuple[str, ...],
    unused: Mapping[str, int],
) -> Survey:
    """The survey of a source whose records are read fast: all of them, up to `MOST_BYTES` a split.

    Args:
        shares: of the whole source.
        shape: of a record.
        class_names: of the source.
        unused: what it passes over, by reason.
    """
    labels: Counter[tuple[str, int]] = Counter()
    bad: Counter[str] = Counter()
    size: Counter[str] = Counter()
    cut: set[str] = set()
    found: dict[str, Reach] = {}
    for block in (block for share in shares for block in _bounded(share, size, cut)):
        for label, count in Counter(block.records.labels.tolist()).items():
            labels[block.split, label] += count
        bad.update(b.reason for b in block.records.bad)
        for b in block.records.bad:
            if b.found is not None and math.isfinite(b.found):
                reach = Reach(b.found, b.found)
                found[b.reason] = found.get(b.reason, reach).joined(reach)
    survey = Survey(shape, class_names, Tally(labels, bad), dict(unused))
    rows = survey.rows
    part = ", ".join(f"the first {rows.get(split, 0)} records of {split}" for split in sorted(cut))
    return survey._replace(part=part, options=bad_allowed(0, survey.tally), found=found)


def _bounded(share: Blocks, size: Counter[str], cut: set[str]) -> Iterator[Block]:
    """The blocks of a share until those of its split reach `MOST_BYTES`."""
    if getattr(share, "split", None) in cut:
        return
    for block in share.blocks():
        if size[block.split] > MOST_BYTES:
            cut.add(block.split)
            return
        yield block
        size[block.split] += int(block.records.data.nbytes)


def survey_pictures(
    shares: Sequence[PictureShare], class_names: tuple[str, ...], unused: Mapping[str, int]
) -> Survey:
    """The survey of a source of encoded pictures: all are counted, `EXAMPLES` of them decoded.

    Raises:
        RequestError: there is no picture, or none that can be decoded.
    """
    from sparkgen.ingest.looking.glance import glance

    tallies = [share.tally() for share in shares]
    labels = sum((tally.labels for tally in tallies), Counter[tuple[str, int]]())
    tally = Tally(labels, sum((tally.bad for tally in tallies), Counter[str]()))
    if not labels:
        raise RequestError(
            "pictures that can be read",
            found=reasons_text(tally.bad) or "none",
            mend="give the path of others",
        )
    seen = glance(_examples(shares, tallies), rows=labels.total())
    survey = Survey(seen.shape, class_names, tally, dict(unused), seen.about_shape, seen.lines)
    return survey._replace(options=bad_allowed(seen.damaged / seen.looked, tally))


def _examples(shares: Sequence[PictureShare], tallies: Sequence[Tally]) -> "Iterator[Picture]":
    """At most `EXAMPLES` pictures: one at random, by the seed 0, of each of as many equal parts."""
    counts = [tally.labels.total() for tally in tallies]
    total = sum(counts)
    parts, draw = min(EXAMPLES, total), Random(0)
    wanted = [draw.randrange(n * total // parts, (n + 1) * total // parts) for n in range(parts)]
    before = 0
    for share, count in zip(shares, counts, strict=True):
        numbers = [n - before for n in wanted if before <= n < before + count]
        if numbers:
            yield from share.examples(numbers)
        before += count


def bad_allowed(damaged: float, tally: Tally) -> dict[str, tuple[Any, str]]:
    """The key `max_bad_fraction` where an ingest would refuse the records for those that are bad.

    Args:
        damaged: the share of the records of the tally that cannot be decoded.
        tally: of all records.
    """
    good, bad = tally.labels.total(), tally.bad.total()
    share = (damaged * good + bad) / max(good + bad, 1)
    if share <= ALLOWED:
        return {}
    allowed = min(1.0, math.ceil(share * 150) / 100)
    return {
        "max_bad_fraction": (
            allowed,
            f"about {share:.0%} of the records are bad and go to quarantine; more stop an ingest",
        )
    }


def reasons_text(reasons: Mapping[str, int]) -> str:
    """Counts by reason as text."""
    return ", ".join(f"{reason} {count}" for reason, count in sorted(reasons.items()))
