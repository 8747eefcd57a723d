"""Decides whether a challenger satisfies the gates of its experiment, and gives the reasons if not."""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from sparkgen.config.experiment import Gate
from sparkgen.evaluation.figures import Figure, difference


class Verdict(NamedTuple):
    """The decision whether a challenger becomes champion, and the reasons against it."""

    promoted: bool
    reasons: list[str]


def decide(
    gates: Sequence[Gate],
    figures: Mapping[str, Figure],
    champion: Mapping[str, Figure] | None = None,
) -> Verdict:
    """The decision on a challenger, which is promoted if every gate holds.

    Args:
        gates: of the experiment.
        figures: of the challenger, by name.
        champion: figures of the champion; None where there is none, and `max_regression` then holds.

    Raises:
        RequestError: a champion's figure of another protocol or other data.
    """
    reasons = [
        reason
        for number, gate in enumerate(gates)
        for reason in broken(number, gate, figures, champion)
    ]
    return Verdict(not reasons, reasons)


def broken(
    number: int,
    gate: Gate,
    figures: Mapping[str, Figure],
    champion: Mapping[str, Figure] | None = None,
) -> list[str]:
    """What figures have against a gate; see `decide`.

    Args:
        number: of the gate in its experiment, from 0.
        gate: the gate.
        figures: of the challenger, by name.
        champion: figures of the champion; None: `max_regression` is not judged.

    Raises:
        RequestError: a champion's figure of another protocol or other data.
    """
    title = f"gates[{number}] {gate.metric}"
    figure = figures.get(gate.metric)
    if figure is None:
        return [f"{title}: not among the figures {', '.join(sorted(figures)) or '(none)'}"]
    # Each bound is written so that a figure that is no number breaks it.
    reasons = []
    if gate.max is not None and not figure.value <= gate.max:
        reasons.append(f"{title}: {figure.value:.6g} is above max {gate.max:g}")
    if gate.min is not None and not figure.value >= gate.min:
        reasons.append(f"{title}: {figure.value:.6g} is below min {gate.min:g}")
    rival = None if champion is None else champion.get(gate.metric)
    if gate.max_regression is not None and rival is not None:
        worse = difference(figure, rival) * (-1.0 if gate.higher_is_better else 1.0)
        allowed = gate.max_regression * abs(rival.value)
        if not math.isnan(rival.value) and not worse <= allowed:
            reasons.append(
                f"{title}: {figure.value:.6g} is worse than the champion's {rival.value:.6g} "
                f"by more than max_regression {gate.max_regression:g} of it"
            )
    return reasons
