"""Writes texts to files that people read."""

from collections.abc import Iterable
from pathlib import Path


def write_texts(texts: Iterable[str], path: str | Path, *, title: str = "") -> None:
    """Writes texts one below the other into a UTF-8 file; each ends its line.

    Args:
        texts: what is written, as it is.
        path: of the file.
        title: a line above them.
    """
    lines = [title] if title else []
    Path(path).write_text("\n".join([*lines, *texts, ""]), encoding="utf-8")


def one_line(text: str) -> str:
    """A text on one line: line ends and backslashes are written as in a string of Python."""
    return text.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")


def under_rules(texts: Iterable[str]) -> Iterable[str]:
    """Each text under a rule with its number, from 0, so that texts of many lines are told apart."""
    return (f"{f'-- {n} ':-<72}\n{text}" for n, text in enumerate(texts))
