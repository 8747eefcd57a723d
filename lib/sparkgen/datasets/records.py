"""Defines the kinds of records and the meaning of their bytes.

No other room depends on this meaning. A row is an id, a label and a record; beside a picture can stand
a caption, which is a record of tokens in a column of its own. What the bytes of a record
are is its kind, which is also the name of their Parquet column and of their entry in a batch:

| kind | shape | stored as | a model sees |
| --- | --- | --- | --- |
| `image` | (height, width, channels) | uint8, row major | float32 in [0, 1] |
| `tokens` | (length,) | the least uint that holds them | int32 |
| `picture` | (channels,), of any height and width | a PNG file | float32 in [0, 1] |
| `text` | (), of any length | a string | the tokens of its tokenizer, int32 |

Records of a data set all have one shape. Pictures of any size and texts are given to models, and made by
them.
`record.py` says what every kind has. A further kind is a further class, with an entry in `KINDS`.
"""

from typing import Any, NamedTuple

from sparkgen.config.dataset import DatasetConfig
from sparkgen.config.nearest import choose
from sparkgen.datasets.captions import caption_form, word_tokenizer
from sparkgen.datasets.images import ImageRecord, PictureRecord
from sparkgen.datasets.record import Record
from sparkgen.datasets.texts import TextRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.tokens import TokenRecord
from sparkgen.datasets.vocabulary import stand_in
from sparkgen.errors import RequestError

__all__ = ["DataSpec", "ImageRecord", "PictureRecord", "Record", "TextRecord", "TokenRecord"]

KINDS: dict[str, type[Record]] = {
    kind.kind: kind for kind in (ImageRecord, TokenRecord, PictureRecord, TextRecord)
}
OF_DATA_SETS = tuple(name for name, kind in KINDS.items() if kind.fixed)


def make_record(
    kind: str,
    shape: tuple[int, ...],
    values: int = 256,
    tokenizer: Tokenizer | None = None,
    caption_length: int | None = None,
) -> Record:
    """The form of the records of a kind, by the kind's name.

    Args:
        kind: its name.
        shape: of one record.
        values: how many an entry can have.
        tokenizer: of tokens or texts, or of captions.
        caption_length: tokens of the caption beside each record; None: there are none.

    Raises:
        ValueError: there is no such kind, or it cannot have that shape or so many values.
    """
    if kind not in KINDS:
        raise ValueError(f"record must be one of {', '.join(KINDS)}, found {kind}")
    further: dict[str, Any] = {} if tokenizer is None else {"tokenizer": tokenizer}
    if caption_length is not None:
        if kind != ImageRecord.kind or tokenizer is None:
            raise ValueError("captions stand beside images, and have a tokenizer")
        further = {"caption": caption_form(tokenizer, caption_length)}
    return KINDS[kind](tuple(shape), values, **further)


def record_of(
    dataset: DatasetConfig,
    tokenizer: Tokenizer | None = None,
    *,
    captions: Tokenizer | None = None,
) -> Record:
    """The form of the records that a dataset's configuration asks for.

    Args:
        dataset: the configuration.
        tokenizer: that of its version. None: a stand-in where the configuration asks for one, which is
            good for checks before there is a version.
        captions: the tokenizer of its version's captions. None: one of one word, where the configuration
            asks for captions, which is good for checks before there is a version.

    Raises:
        RequestError: an unknown kind, or a shape or number of values that the kind cannot have.
    """
    if dataset.record not in OF_DATA_SETS:
        raise RequestError(
            "a known kind of records as dataset.record",
            found=repr(dataset.record),
            mend=choose(dataset.record, OF_DATA_SETS),
        )
    if dataset.tokenizer is not None:
        if dataset.record != TokenRecord.kind:
            raise RequestError(
                "tokens as dataset.record, where there is a dataset.tokenizer",
                found=dataset.record,
                mend="correct it, or remove dataset.tokenizer",
            )
        tokenizer = tokenizer or stand_in(dataset.tokenizer)
    values = dataset.values if tokenizer is None else tokenizer.size
    try:
        if dataset.captions is None:
            return make_record(dataset.record, dataset.shape, values, tokenizer)
        words, length = captions or word_tokenizer(["a"]), dataset.captions.length
        return make_record(dataset.record, dataset.shape, values, words, length)
    except ValueError as error:
        raise RequestError(
            "values that fit together in dataset", found="values that do not", mend=str(error)
        ) from None


class DataSpec(NamedTuple):
    """The information on a dataset that a model is built from."""

    record: Record
    classes: int
    """Labels are 0 .. classes - 1."""
    seen: tuple[int, ...] | None = None
    """The labels that training rows have, ascending; None: all of them."""

    @property
    def labels(self) -> tuple[int, ...]:
        """The labels that a model can generate: those of the training rows."""
        return tuple(range(self.classes)) if self.seen is None else self.seen

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one record's array, such as (height, width, channels)."""
        return self.record.shape

    @property
    def size(self) -> int:
        """The number of entries of one record's array, such as height * width * channels."""
        return self.record.size
