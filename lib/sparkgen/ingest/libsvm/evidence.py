"""Checks that the numbers of a libsvm source fit its configuration, and says what to mend.

Text does not say how its values are scaled or from where its indices and labels count: that is
configured, and a wrong configuration can make pictures that are black or shifted by one pixel.
Where the numbers contradict it, the request is refused; where they only make it doubtful, that is
told, since data may be dark, and pixels at the margin may never be used.
"""

import logging
from collections.abc import Sequence
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.layout import Summary
from sparkgen.ingest.libsvm.line import LineRule
from sparkgen.ingest.libsvm.seen import Seen
from sparkgen.ingest.reach import Reach

HALF = 128  # grey levels that pictures should reach over, at least

log = logging.getLogger(__name__)


class _Contradiction(NamedTuple):
    expected: str
    found: str
    mend: str


class Evidence(NamedTuple):
    """The ranges of the numbers that were read from a source, and the source's configuration.

    `found` has the ranges of the numbers that made records bad, by reason. `scale_is_stated` says that
    `value_max` stands in the configuration, and is not only the default.
    """

    rule: LineRule
    splits: dict[str, Seen]
    found: dict[str, Reach]
    scale_is_stated: bool = False

    @property
    def seen(self) -> Seen:
        """The ranges of the good records of all splits together."""
        seen = Seen()
        for split in self.splits.values():
            seen = seen.joined(split)
        return seen


def gather(rule: LineRule, parsed: Sequence[Summary], *, scale_is_stated: bool = False) -> Evidence:
    """The ranges of the numbers of a source, joined from the ranges of its blocks."""
    splits: dict[str, Seen] = {}
    found: dict[str, Reach] = {}
    for summary in parsed:
        here = Seen() if summary.seen is None else Seen.from_list(summary.seen)
        splits[summary.split] = splits.get(summary.split, Seen()).joined(here)
        for reason, reach in summary.found.items():
            found[reason] = found.get(reason, reach).joined(reach)
    return Evidence(rule, splits, found, scale_is_stated)


def weigh(evidence: Evidence, *, refused: bool) -> None:
    """Logs the ranges of the numbers, and refuses the source if they contradict the configuration.

    Sources that are refused for their bad records are only described: what is good says little.

    Raises:
        RequestError: as `refuse_black`.
    """
    log.info("%s", description(evidence))
    if not refused:
        refuse_black(evidence)
        for doubt in doubts(evidence):
            log.warning("%s", doubt)


def refuse_black(evidence: Evidence) -> None:
    """Refuses a configured scale that makes every picture of a split black.

    Whole numbers may be meant so, where `value_max` is stated and not only the default; fractions
    would be lost.

    Raises:
        RequestError: it names the scale that the values seem to have.
    """
    rule = evidence.rule
    cases = [(f"the {name} split", seen, False) for name, seen in evidence.splits.items()]
    for where, seen, whole_too in [
        *cases,
        ("the source", evidence.seen, not evidence.scale_is_stated),
    ]:
        if seen.values is None or not any(seen.values) or (seen.whole and not whole_too):
            continue
        if _levels(seen.values, rule) <= 1:
            raise RequestError(
                f"values that reach about from {rule.value_min:.10g} to {rule.value_max:.10g}",
                found=f"only {_text(seen.values)} in {where}, which would make every picture black",
                mend=_scale(seen.values, rule)
                + (", or state source.value_max if they are meant so" if seen.whole else ""),
            )


def contradiction(
    evidence: Evidence, reason: str, *, count: str, where: str
) -> RequestError | None:
    """The error in the request that explains many bad records of one reason; None: there is none.

    Args:
        evidence: of the source.
        reason: of the bad records.
        count: how many of how many records, in words.
        where: what is said of the records themselves.
    """
    found = evidence.found.get(reason)
    known = {
        "beyond-width": _beyond_width,
        "index-zero": _index_zero,
        "value-out-of-range": _out_of_range,
        "unknown-label": _unknown_label,
    }
    if reason not in known or found is None:
        return None
    expected, seen, mend = known[reason](evidence, found, count)
    return RequestError(expected, found=seen, mend=f"{mend}; {where}")


def _beyond_width(evidence: Evidence, found: Reach, count: str) -> _Contradiction:
    rule, mend = evidence.rule, "correct the dataset's shape"
    if rule.zero_based and found.high == rule.width:
        mend = f"set source.zero_based to false if indices count from 1, or {mend}"
    needs = int(found.high) + 1 - rule.first_index
    return _Contradiction(
        f"a shape of {needs} values or more, the width of the source",
        f"one of {rule.width}, with {count} beyond it",
        mend,
    )


def _index_zero(evidence: Evidence, found: Reach, count: str) -> _Contradiction:
    return _Contradiction(
        "indices from 1, as source.zero_based: false has it",
        f"index 0 in {count}",
        "set source.zero_based to true",
    )


def _out_of_range(evidence: Evidence, found: Reach, count: str) -> _Contradiction:
    rule, good = evidence.rule, evidence.seen.values
    reach = (good or found).joined(found).joined(Reach(0, 0))
    return _Contradiction(
        f"values from {rule.value_min:.10g} to {rule.value_max:.10g}",
        f"{_text(reach)}, out of range in {count}",
        _scale(reach, rule),
    )


def _unknown_label(evidence: Evidence, found: Reach, count: str) -> _Contradiction:
    good, values = evidence.seen.labels, evidence.rule.label_values
    if values is not None:
        return _Contradiction(
            f"labels {', '.join(f'{value:.10g}' for value in values)}, as source.label_values has them",
            f"others, from {_text(found)}, in {count}",
            "correct source.label_values and class_names",
        )
    return _Contradiction(
        f"labels from 0 to {evidence.rule.classes - 1}, one for each of class_names",
        f"{_text(good.joined(found) if good else found)}, unknown in {count}",
        "say what they stand for as source.label_values, or correct class_names",
    )


def description(evidence: Evidence) -> str:
    """The ranges of the numbers of the good records, in one line of text."""
    seen, rule = evidence.seen, evidence.rule
    first, last = rule.first_index, rule.first_index + rule.width - 1
    based = "true" if rule.zero_based else "false"
    return (
        f"values seen: {_text(seen.values)} of {rule.value_min:.10g} to {rule.value_max:.10g}; "
        f"indices seen: {_text(seen.indices)} of {first} to {last} (zero_based: {based}); "
        f"labels seen: {_text(seen.labels)} of 0 to {rule.classes - 1}"
    )


def doubts(evidence: Evidence) -> list[str]:
    """The warnings about numbers that look wrong but contradict nothing, one line each."""
    rule, seen, found = evidence.rule, evidence.seen, evidence.found
    lines = [_dark(name, part, rule) for name, part in evidence.splits.items()]
    if seen.clipped:
        lines.append(f"{seen.clipped} values lie outside the range by rounding; they are clipped")
    last = seen.indices is not None and seen.indices.high == rule.first_index + rule.width - 1
    first = seen.indices is not None and seen.indices.low == rule.first_index
    if not rule.zero_based and "index-zero" in found and not last:
        lines.append(
            f"index 0 occurs and index {rule.width} does not: if indices count from 0, pictures "
            "are shifted by a pixel; then set source.zero_based to true"
        )
    beyond = found.get("beyond-width")
    if rule.zero_based and not first and beyond is not None and beyond.low == rule.width:
        lines.append(
            f"index {rule.width} occurs and index 0 does not: if indices count from 1, pictures "
            "are shifted by a pixel; then set source.zero_based to false"
        )
    labels = found.get("unknown-label")
    if labels and labels.high == rule.classes and seen.labels and seen.labels.low > 0:
        lines.append(
            f"label {rule.classes} occurs and label 0 does not: if labels count from 1, say so as "
            "source.label_values"
        )
    return [line for line in lines if line]


def _dark(name: str, seen: Seen, rule: LineRule) -> str:
    if seen.values is None or not any(seen.values):
        same = f"no record of the {name} split has a value but 0: every picture is of one grey"
        return same if seen.labels else ""
    if _levels(seen.values, rule) >= HALF:
        return ""
    return (
        f"values of the {name} split reach only over {_text(seen.values)} of {rule.value_min:.10g} "
        f"to {rule.value_max:.10g}, so pictures are dark or pale; if that is not meant, "
        f"{_scale(seen.values, rule)}"
    )


def _levels(values: Reach, rule: LineRule) -> int:
    """How many grey levels lie between the least and the greatest pixel; 0 is always there."""
    reach = rule.pixels([min(values.low, 0.0), max(values.high, 0.0)]).astype(int)
    return int(reach[1] - reach[0])


def _scale(values: Reach, rule: LineRule) -> str:
    """How to configure the scale that values seem to have."""
    low, high = min(values.low, 0.0), max(values.high, 1.0)
    least = f"source.value_min to {low:.10g} and " if low < 0 or rule.value_min < 0 else ""
    return f"set {least}source.value_max to {high:.10g}"


def _text(numbers: Reach | None) -> str:
    return "none" if numbers is None else f"{numbers.low:.10g} to {numbers.high:.10g}"
