"""Finds the label of each value that a source writes for a class: a name or a number.

Labels of lists, tables and arrays come as names, or as numbers that count from 0, from 1, or as the
makers of the data liked. Values are compared as text, `1`, `1.0` and `+1` as the same.
"""

import logging
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from sparkgen.config.dataset import NO_CLASSES
from sparkgen.errors import RequestError

MOST_SHOWN = 10  # values in a message
MANY = 100  # classes, from which on nearly as many of them as records are doubted
PAIRS = ([-1, 1], [0, 255])  # that mean two classes, though one of each is the number of a class
RARE = 0.01  # of the records of a class in the mean: fewer are few
UNKNOWN = -1  # the label of a value that means no class

_WHOLE = re.compile(r"([+-]?)(0|[1-9][0-9]*)(\.0*)?")
_NUMBER = re.compile(r"([+-]?[0-9]+)(\.0*)?")

log = logging.getLogger(__name__)


class Classes(NamedTuple):
    """The classes of a data set: `names` by label, and the label of each value that means one."""

    names: tuple[str, ...]
    labels: dict[str, int]

    def label(self, value: str | None) -> int:
        """The label of a value; `UNKNOWN` where it means no class."""
        return UNKNOWN if value is None else self.labels.get(value, UNKNOWN)


def as_value(value: object) -> str:
    """A value as the text that is compared: without blanks around it, whole numbers in one form."""
    text = str(value).strip()
    whole = _WHOLE.fullmatch(text)
    return str(int(whole[1] + whole[2])) if whole else text


def find_classes(
    values: Mapping[str, int], stated: tuple[str, ...] | None, *, where: str
) -> Classes:
    """The classes that the values of a source mean.

    Without stated names the values are the names, in the order of `in_order`. With them a value is the
    name of a class or its number, whichever reading knows more of the values. Where neither knows all,
    and they are as many whole numbers as there are names, they mean the classes in rising order, such as
    1 to 10, or -1 and 1; a line of the log says so.

    Args:
        values: all different ones of the source, from `as_value`, with the number of their records.
        stated: the `class_names` of the dataset; None: those of the source.
        where: what the values are, for messages.

    Raises:
        RequestError: no names are stated, and there are nearly as many values as records.
    """
    if stated is None:
        _refuse_captions(values, where)
        names = tuple(in_order(values)) or NO_CLASSES
        return Classes(names, {name: label for label, name in enumerate(names)})
    names_labels = {name: label for label, name in enumerate(stated)}
    numbers = {str(label): label for label in range(len(stated))}
    readings = (names_labels, numbers)
    best = max(readings, key=lambda labels: sum(value in labels for value in values))
    rising = None if all(value in best for value in values) else plain_order(values, len(stated))
    if rising is None:
        _tell_numbers(values, names_labels, best, where=where)
        return Classes(stated, best)
    tell_order(rising, stated, where=where)
    return Classes(stated, {value: label for label, value in enumerate(rising)})


def unlabelled(stated: tuple[str, ...] | None, *, where: str) -> Classes:
    """The one class of records without labels.

    Raises:
        RequestError: the names of several classes are stated.
    """
    if stated is not None and len(stated) > 1:
        raise RequestError(
            f"labels in {where}, for the {len(stated)} dataset.class_names",
            found="none",
            mend="name the source of the labels, or remove class_names: all records are of one class",
        )
    return Classes(stated or NO_CLASSES, {})


def in_order(values: Iterable[str]) -> list[str]:
    """Values in the order of the labels that they get where no class names are stated.

    The order is that of the code points. Where all are whole numbers, such as `-1`, `01` or `1.0`, or
    paths of such, it is that of their size: 2 comes before 10.
    """
    parts = {value: [_NUMBER.fullmatch(part) for part in value.split("/")] for value in values}
    numbers = {value: [int(m[1]) for m in some if m] for value, some in parts.items()}
    if any(len(numbers[value]) < len(some) for value, some in parts.items()):
        return sorted(parts)
    return sorted(parts, key=lambda value: (numbers[value], value))


def plain_order(values: Mapping[str, int], classes: int) -> list[str] | None:
    """The values in the order of the classes that they plainly mean; None: that is not plain.

    As many whole numbers as there are classes are plain where they follow each other without a gap, where
    none of them is the number of a class, and as -1 and 1 or 0 and 255: else one of them may be an error.
    So may one that is no number of a class and has only a few records.
    """
    if len(values) != classes or not all(_WHOLE.fullmatch(value) for value in values):
        return None
    numbers = sorted(map(int, values))
    few = RARE * sum(values.values()) / classes
    if any(values[str(n)] < few for n in numbers if not 0 <= n < classes):
        return None
    follow = numbers[-1] - numbers[0] == classes - 1
    apart = not any(0 <= number < classes for number in numbers)
    return list(map(str, numbers)) if follow or apart or numbers in PAIRS else None


def tell_unused(columns: Mapping[str, Sequence[object]], *, where: str) -> None:
    """Warns of unused columns that may have been meant as labels, because their values repeat.

    Args:
        columns: some values of each.
        where: the source, in which no column of labels was found.
    """
    for name, values in columns.items():
        found = [as_value(value) for value in values if value is not None]
        distinct = in_order(set(found))
        if 0 < len(distinct) <= len(found) // 2:
            log.warning(
                "no column of labels in %s, so all records are of one class; the unused column %s has "
                "few different values, such as %s: set source.label to it if these are the classes",
                where,
                name,
                shown([value[:40] for value in distinct]),
            )


def _tell_numbers(
    values: Mapping[str, int], names: Mapping[str, int], best: Mapping[str, int], *, where: str
) -> None:
    """Warns of values taken for numbers of classes that are names of other classes."""
    other = [v for v in in_order(values) if v in best and names.get(v, best[v]) != best[v]]
    if other:
        log.warning(
            "%s are taken for numbers from 0, though some are names of other classes: %s is number %s, "
            "not the class of that name; correct dataset.class_names if they are meant otherwise",
            where,
            other[0],
            best[other[0]],
        )


def tell_order(values: Sequence[str], names: Sequence[str], *, where: str) -> None:
    """Says which value was taken for which class."""
    meant = shown([f"{value} is {name}" for value, name in zip(values, names, strict=True)])
    log.info("%s are taken for the classes in rising order: %s", where, meant)


def shown(values: Sequence[str]) -> str:
    """Values for a message, the first few where there are many."""
    more = f" and {len(values) - MOST_SHOWN} more" if len(values) > MOST_SHOWN else ""
    return ", ".join(values[:MOST_SHOWN]) + more


def _refuse_captions(values: Mapping[str, int], where: str) -> None:
    records = sum(values.values())
    if len(values) > MANY and len(values) > records // 2:
        example = min(values)
        raise RequestError(
            f"{where} that name classes, each of several records",
            found=f"{len(values)} different ones of {records} records, such as {example[:40]!r}",
            mend="name another source of labels, or set dataset.class_names if they are meant so",
        )
