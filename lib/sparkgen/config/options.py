"""Checks the options of `generate`: their names, types and ranges."""

import sys
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from sparkgen.config.nearest import choose
from sparkgen.errors import RequestError

Known = Mapping[str, Any]
"""Options with their defaults, whose types are theirs."""

KNOWN = "known"
"""The name of the picture that says which pixels of a given picture a model may see."""


class Range(NamedTuple):
    """The least and the greatest allowed value of an option, both included; None: no bound."""

    least: float | None = None
    most: float | None = None


def check_options(
    options: Mapping[str, Any], known: Known, ranges: Mapping[str, Range], *, model: str
) -> None:
    """Refuses options that a model does not have, and values of the wrong type or out of range.

    Args:
        options: those that are asked for.
        known: those of the model.
        ranges: of those that have one.
        model: its name.

    Raises:
        RequestError: it names the first wrong one.
    """
    for name, value in options.items():
        if name not in known:
            raise RequestError(
                f"sampling.options among {', '.join(known) or 'none'}, those of {model}",
                found=name,
                mend=choose(name, known),
            )
        if not _is_like(value, known[name]):
            raise RequestError(
                f"sampling.options.{name} of the type of its default {known[name]!r}",
                found=repr(value),
                mend="correct it",
            )
        least, most = ranges.get(name, Range())
        if (least is not None and value < least) or (most is not None and value > most):
            low = "" if least is None else f" from {least:g}"
            high = "" if most is None else f" to {most:g}"
            raise RequestError(
                f"sampling.options.{name}{low}{high}", found=repr(value), mend="correct it"
            )


def check_label(
    label: int | None, labels: Sequence[int] | None, *, model: str, key: str = "sampling.label"
) -> None:
    """Refuses a label for all samples that the model cannot generate.

    Args:
        label: that of the request; None: it asks for none.
        labels: those of the training rows; None: the model does not look at labels.
        model: its name.
        key: of the request.

    Raises:
        RequestError: it says which labels there are.
    """
    if label is None or (labels is not None and label in labels):
        return
    if labels is None:
        raise RequestError(
            f"no {key} for {model}, which is not conditional",
            found=str(label),
            mend="remove it",
        )
    raise RequestError(
        f"{key} among {', '.join(map(str, labels))}, those of the training rows",
        found=str(label),
        mend="correct it",
    )


def check_names(names: set[str], takes: Mapping[str, Any], *, model: str) -> None:
    """Refuses inputs that a model does not take, and a request without an input that it needs.

    Args:
        names: of what is given.
        takes: what the model takes, by name; each says whether it is `required`, and what else it
            `needs`.
        model: its name.

    Raises:
        RequestError: it names the first wrong one.
    """
    if unknown := sorted(names - set(takes)):
        raise RequestError(
            f"{', '.join(takes) or 'nothing'} to be given to {model}",
            found=unknown[0],
            mend="leave it out",
        )
    needed = {name for name, one in takes.items() if one.required}
    if missing := sorted(needed - names):
        raise RequestError(
            f"{', '.join(missing)} to be given to {model}", found="none", mend="give it"
        )
    for name in sorted(names):
        if lacking := sorted(set(takes[name].needs) - names):
            raise RequestError(
                f"{', '.join(lacking)} to be given to {model} with {name}",
                found="none",
                mend=f"give it, or leave {name} out",
            )


def typed(value: Any, default: Any) -> Any:
    """An option's value, converted to the type of its default: 2 becomes 2.0 for a float."""
    if isinstance(default, list | tuple):
        return [typed(part, default[0]) for part in value] if default else list(value)
    return float(value) if isinstance(default, float) else value


def _is_like(value: Any, default: Any) -> bool:
    if isinstance(default, list | tuple):
        return isinstance(value, list | tuple) and all(
            _is_like(v, d) for v in value for d in default[:1]
        )
    if isinstance(default, float):
        number = isinstance(value, int | float) and not isinstance(value, bool)
        return number and abs(value) <= sys.float_info.max
    return type(value) is type(default)
