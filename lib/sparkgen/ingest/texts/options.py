"""Defines the keys of the source formats that read texts."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Source

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sparkgen.ingest.layout import Summary
    from sparkgen.ingest.texts.job import Manner


class TextOptions(Source):
    """A source of texts, which a tokenizer makes tokens of. Base of formats."""

    blocks: bool | None = None
    """Whether documents are joined, and records are blocks of their tokens that share one token with the
    next; else each document is a record, cut at the length of a record or filled up. null: where texts
    have no labels."""
    held_out: Literal["end", "random"] | None = None
    """What `test_fraction` and `validation_fraction` set aside: the last of the documents, or random ones
    by the seed; of one text its end, to the character. null: the end of one text, else random
    documents."""
    most_bytes: Annotated[int, Field(gt=0)] = 1 << 20
    """A longer line is a bad record; of a text that is read in parts lines can have any length."""

    records: ClassVar[tuple[str, ...]] = ("tokens",)
    tokenized: ClassVar[bool] = True
    later: ClassVar[tuple[str, ...]] = ()
    """Keys that older releases do not have. They are left out of a manifest at their defaults."""

    def check(self, dataset: DatasetConfig) -> None:
        if dataset.tokenizer is None:
            raise RequestError(
                f"a dataset.tokenizer for the source format {dataset.source.format}",
                found="none",
                mend="set it to {kind: characters}, say",
            )
        if dataset.shape[0] < 2:
            raise RequestError(
                "a dataset.shape of [2] or more: a model predicts each token but the first",
                found=str([*dataset.shape]),
                mend="set it higher",
            )

    @property
    def has_labels(self) -> bool:
        """Whether each text has a label."""
        return False

    @property
    def joins(self) -> bool:
        return not self.has_labels if self.blocks is None else self.blocks

    def manner_of(self, where: str) -> "Manner":
        """What is done with documents that are read whole from a source, which messages name."""
        from sparkgen.ingest.texts.job import Manner

        labelled = self.has_labels and not self.joins
        return Manner(self.joins, self.held_out == "end", True, labelled, where)

    def left_out(self, parsed: "Sequence[Summary]") -> dict[str, int]:
        from sparkgen.ingest.texts.single import CUT

        cut = sum((summary.seen or {}).get(CUT, 0) for summary in parsed)
        return {CUT: cut} if cut else {}

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out newer keys at their defaults, so that versions of older releases are found."""
        defaults = {key: type(self).model_fields[key].default for key in self.later}
        values: dict[str, Any] = handler(self)
        return {k: v for k, v in values.items() if k not in defaults or v != defaults[k]}
