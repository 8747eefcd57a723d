"""Reads lines of a label and a text, such as `1 a gorgeous, witty film`: a record each, of tokens."""

from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from sparkgen.ingest.texts.files import LineFiles

if TYPE_CHECKING:
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.texts.fields import Fields


class Config(LineFiles):
    """Lines of a label and a text, plain, .gz, .bz2, .xz or .zst."""

    separator: Annotated[str, Field(min_length=1)] | None = None
    """What stands between label and text, such as a tab; null: blanks or tabs, any number of them."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.texts.guess import guess_labelled

        return guess_labelled(look)

    def fields(self) -> "Fields":
        from sparkgen.ingest.texts.fields import Fields

        return Fields(separator=self.separator)
