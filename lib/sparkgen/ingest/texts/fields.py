"""Reads the text and the label of a line: after a label, or in a field of a JSON object."""

import json
from typing import Any, NamedTuple

from sparkgen.ingest.class_values import as_value

TEXTS = ("text", "sentence", "content", "body", "document", "review", "prompt", "story", "article")
"""Names by which a column of texts is known, the likeliest first."""
Read = tuple[str, str] | str
"""A text and the value for its class, or the reason why there is none."""


class Fields(NamedTuple):
    """Where a line has its text and its label.

    `text` is the name of a JSON object's field; None: the line is a label, `separator` and the text,
    where a separator of None is white space of any length. `label` is the name of the field of the label;
    None: a JSON object has none.
    """

    text: str | None = None
    label: str | None = None
    separator: str | None = None

    @property
    def labelled(self) -> bool:
        return self.text is None or self.label is not None

    def read(self, line: str) -> Read:
        """The text and the label of a line."""
        return self._parted(line) if self.text is None else self._of_json(line)

    def _parted(self, line: str) -> Read:
        parts = line.split(self.separator, 1)
        if len(parts) < 2 or not parts[0].strip():
            return "no-label"
        return parts[1], as_value(parts[0])

    def _of_json(self, line: str) -> Read:
        try:
            found = json.loads(line)
        except (ValueError, RecursionError):
            return "not-json"
        if not isinstance(found, dict):
            return "not-an-object"
        return read_fields(found.get(str(self.text)), found.get(self.label) if self.label else "")


def read_fields(text: Any, label: Any) -> Read:
    """The text and the label of fields with any values."""
    if text is None:
        return "no-text"
    if not isinstance(text, str):
        return "not-text"
    if "\0" in text:
        return "nul-byte"
    if any("\ud800" <= c <= "\udfff" for c in text) if not text.isascii() else False:
        return "not-utf-8"  # halves of characters, as JSON can name them
    if not isinstance(label, str | int) or label is None:
        return "no-label"
    return text, as_value(label)
