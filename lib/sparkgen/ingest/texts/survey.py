"""Counts texts and their labels, and looks at how long they are, for `sparkgen inspect`."""

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import median

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import find_classes
from sparkgen.ingest.looking.survey import Survey, Tally, bad_allowed, reasons_text
from sparkgen.ingest.texts.chunk import ChunkShare
from sparkgen.ingest.texts.job import Manner

MOST_CHARACTERS = 64 << 20  # of a split that are read


def survey_texts(
    dataset: DatasetConfig,
    shares: Sequence[ChunkShare],
    manner: Manner,
    unused: Mapping[str, int],
) -> Survey:
    """The survey of a source of texts: all of them, up to `MOST_CHARACTERS` a split.

    Args:
        dataset: a draft.
        shares: of the whole source.
        manner: what an ingest does with them.
        unused: what the source passes over, by reason.

    Raises:
        RequestError: there is no text.
    """
    values: Counter[tuple[str, str]] = Counter()
    sizes, bad, left = Counter[str](), Counter[str](), Counter(unused)
    lengths: list[int] = []
    cut: set[str] = set()
    for chunk in (chunk for share in shares for chunk in share.chunks()):
        if sizes[chunk.split] > MOST_CHARACTERS:
            cut.add(chunk.split)
            continue
        sizes[chunk.split] += sum(map(len, chunk.texts))
        lengths += [len(text.split()) for text in chunk.texts]
        values.update((chunk.split, label) for label in chunk.labels or [""] * len(chunk.texts))
        bad.update(b.reason for b in chunk.bad)
        left.update({"empty-document": chunk.empty} if chunk.empty else {})
    if not values:
        found = reasons_text(bad) or "none"
        raise RequestError("texts", found=found, mend="give the path of others")
    names, labels = _labels(dataset, values, manner)
    tally = Tally(labels, bad)
    survey = Survey(dataset.shape, names, tally, dict(sorted(left.items())))
    usual = f"half of them {median(lengths):.0f} or fewer"
    told = f"texts have {min(lengths)} to {max(lengths)} words, {usual}"
    part = ", ".join(f"the first {sum_of(values, split)} texts of {split}" for split in sorted(cut))
    return survey._replace(lines=(told,), options=bad_allowed(0, tally), part=part)


def sum_of(values: Mapping[tuple[str, str], int], split: str) -> int:
    """How many values are of a split."""
    return sum(count for (of, _), count in values.items() if of == split)


def _labels(
    dataset: DatasetConfig, values: Counter[tuple[str, str]], manner: Manner
) -> tuple[tuple[str, ...], Counter[tuple[str, int]]]:
    labels: Counter[tuple[str, int]] = Counter()
    if not manner.labelled:
        for (split, _), count in values.items():
            labels[split, 0] += count
        return NO_CLASSES, labels
    counts: Counter[str] = Counter()
    for (_, value), count in values.items():
        counts[value] += count
    classes = find_classes(counts, dataset.class_names, where=f"the labels of {manner.where}")
    for (split, value), count in values.items():
        labels[split, classes.label(value)] += count
    return classes.names, labels
