"""Defines the section `tokenizer` of a dataset file: how a text becomes tokens."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from sparkgen.config.strict import Strict

Unicode = Literal["none", "NFC", "NFKC"]
OF_WORDS = ("words", "white_space")
"""The kinds whose tokens are the most frequent words, and one for all others."""


class TokenizerSection(Strict):
    """How a text becomes tokens. The tokenizer is made from the training split, or read from `path`."""

    kind: Literal["characters", "words", "white_space", "bpe"] | None = None
    """`characters`: a token a character (code point). `words`: the most frequent words, each with the
    space before it, punctuation marks and white space. `white_space`: the same, but a word is all that
    stands between white space, as in texts whose marks are set apart already. `bpe`: pairs of bytes that
    are often neighbours, joined again and again. null: `path` says it."""
    path: str | None = None
    """A tokenizer.json of the library `tokenizers`, which is taken as it is. `{data}` at its start stands
    for the folder of the source files."""
    size: Annotated[int, Field(ge=2, le=1 << 24)] | None = None
    """At most so many tokens, for all kinds but characters; null: 8192. bpe needs 256 or more."""
    sample: Annotated[int, Field(gt=0)] = 8 << 20
    """About so many characters of the training split are read for words and pairs: all of it where it has
    fewer, else blocks of it chosen at random by the seed. Characters are collected from all of it."""
    unicode: Unicode = "none"
    """The form of Unicode that texts are brought into, NFC or NFKC; none leaves them as they are."""
    end: bool | None = None
    """Whether there is a token for the end of a text, which stands after each document. null: where
    documents are joined, or are records of their own without labels."""
    unknown: bool | None = None
    """Whether there is a token for what training lacks. null: of words and white_space. Without one, a
    text with a character that training lacks is a bad record."""

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> "TokenizerSection":
        if (self.kind is None) == (self.path is None):
            raise ValueError("a tokenizer has either a kind or a path")
        fields = type(self).model_fields.items()
        stated = {key for key, field in fields if getattr(self, key) != field.default}
        if self.path is not None and (wrong := sorted(stated - {"path", "end"})):
            raise ValueError(f"{wrong[0]} has no meaning for a tokenizer that path names")
        if self.kind == "characters" and (wrong := sorted(stated & {"size", "sample"})):
            raise ValueError(f"{wrong[0]} has no meaning for characters, which are all in")
        if self.kind in OF_WORDS and self.unknown is False:
            raise ValueError(f"{self.kind} need a token for unknown words")
        if self.kind == "bpe" and self.unknown:
            raise ValueError("bpe needs no token for what is unknown: it has one for every byte")
        if self.kind == "bpe" and self.most < 256 + (self.end is not False):
            raise ValueError(
                f"size must be 257 or more for bpe, which has all bytes, found {self.size}"
            )
        return self

    @property
    def most(self) -> int:
        """The most tokens that a kind other than characters has."""
        return 8192 if self.size is None else self.size
