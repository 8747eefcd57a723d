"""Says the form of records as plain JSON, and reads it."""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer

from sparkgen.datasets.records import Record, make_record
from sparkgen.datasets.tokenizer import Tokenizer


class RecordEntry(BaseModel):
    """The form of records."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: str
    shape: tuple[int, ...]
    values: int = 256
    tokenizer: str | None = None
    """Of tokens, of texts that are made from them, or of captions: the text of the `tokenizer.json`."""
    caption_length: int | None = None
    """Tokens of the caption beside each record; None: there are none."""

    @classmethod
    def of(cls, record: Record) -> "RecordEntry":
        """What is said of a `Record`."""
        tokenizer = record.tokenizer if record.caption is None else record.caption.tokenizer
        return cls(
            kind=record.kind,
            shape=record.shape,
            values=record.values,
            tokenizer=None if tokenizer is None else tokenizer.json,
            caption_length=None if record.caption is None else record.caption.shape[0],
        )

    @model_serializer(mode="wrap")
    def _without_none(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        return {key: value for key, value in handler(self).items() if value is not None}

    @property
    def record(self) -> Record:
        """The `Record` again; a `ValueError` where this release knows no such records."""
        tokenizer = None if self.tokenizer is None else Tokenizer(self.tokenizer)
        return make_record(self.kind, self.shape, self.values, tokenizer, self.caption_length)
