"""Defines what the tasks of a source of texts know: the division, the tokenizer, the form of records."""

from typing import NamedTuple

from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.ingest.class_values import Classes
from sparkgen.ingest.texts.divide import Division
from sparkgen.ingest.texts.encode import Encoder


class Plan(NamedTuple):
    """How chunks become records.

    `length` is that of a record in tokens, `characters` says whether these are characters. `end`: the
    token after each document; None: there is none. `classes`: None: the texts have no labels.
    """

    division: Division
    tokenizer: Tokenizer
    characters: bool
    length: int
    end: int | None
    classes: Classes | None

    @property
    def encoder(self) -> Encoder:
        return Encoder(self.tokenizer, characters=self.characters)
