"""Defines the keys that a dataset file in `conf/datasets` can have."""

from collections import Counter
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    field_validator,
    model_serializer,
    model_validator,
)

from sparkgen.config.captions import CaptionsSection
from sparkgen.config.download import DownloadSection
from sparkgen.config.nearest import nearest
from sparkgen.config.strict import Seed, Strict
from sparkgen.config.tokenizer import TokenizerSection

NO_CLASSES = ("all",)
"""The class names of a data set whose records have no labels: all of them have the label 0."""
LATER_KEYS = {
    "record": "image",
    "values": 256,
    "class_names": None,
    "test_fraction": 0.0,
    "captions": None,
    "tokenizer": None,
}
"""Keys that older releases do not have, or always want a value of, with their defaults."""


class SourceSection(BaseModel):
    """`format` and the keys of that format, which its file in `sparkgen.ingest.sources` checks."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    format: str
    """The name of a source format."""


class DatasetConfig(Strict):
    """One data set: where it comes from, what shape it has, how it is cut."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$", max_length=100)]
    source: SourceSection
    download: Annotated[DownloadSection | None, Field(exclude=True)] = None
    """Where missing source files are fetched from; null: nowhere."""
    record: str = "image"
    """What a record is, such as image: a kind of `sparkgen.datasets.records`."""
    shape: tuple[int, ...]
    """Of one record. For images height, width and channels (1 or 3); libsvm rows have H * W * C
    columns."""
    values: int = 256
    """How many values an entry of a record can have: 256 grey levels, or the size of a vocabulary. A
    tokenizer says itself how many tokens it has."""
    tokenizer: TokenizerSection | None = None
    """How texts become tokens; null: their bytes are the tokens."""
    captions: CaptionsSection | None = None
    """What is said of each picture, in words, beside it; null: nothing."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    """The names of the labels 0, 1, ...; a class folder of images bears a name or a number. null: the
    classes that the source has, in order; `all` where it has none."""
    labels: tuple[int | str, ...] | None = None
    """Keep only the records of these labels, given by number or by the name of the class. Labels keep
    their numbers."""
    invert: bool = False
    """Store 255 - pixel."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """Keep at most this many records of each split, chosen at random by `seed` among those that
    `labels` leaves."""
    test_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """The share of the records set aside, at random by the seed, as the test split, where the source
    has none of its own."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of training records set aside, at random by the seed, as the validation split. Of one
    text both are the end: train, validation and test follow each other."""
    shards: Annotated[int, Field(gt=0)] | None = None
    """Files of the training split, a multiple of `lanes`; None: by `shard_rows`. Fewer and larger
    files are read faster; one may hold 1 GiB of records."""
    shard_rows: Annotated[int, Field(gt=0)] = 4096
    """Rows a file, about, where `shards` is not given; fewer where they would exceed 256 MiB."""
    lanes: Annotated[int, Field(gt=0)] = 8
    """The number of streams that training reads side by side; worker counts must divide it."""
    seed: Seed = 0
    max_bad_fraction: Annotated[float, Field(ge=0, le=1)] = 0.01
    """Above this share of bad records the ingest fails and no version appears."""

    @field_validator("shape", "class_names", "labels", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _a_tokenizer_says_the_values(self) -> "DatasetConfig":
        if self.tokenizer is not None and self.values != LATER_KEYS["values"]:
            raise ValueError("values must be left out: the tokenizer says how many there are")
        return self

    @model_validator(mode="after")
    def _labels_and_lanes_hold(self) -> "DatasetConfig":
        if self.class_names is not None:
            self.label_numbers(self.class_names)
        if self.labels == ():
            raise ValueError("labels must name a class; leave the key out for all")
        if self.shards is not None and self.shards % self.lanes:
            raise ValueError(
                f"shards must be a multiple of the {self.lanes} lanes, found {self.shards}"
            )
        twice = sorted(name for name, n in Counter(self.class_names or ()).items() if n > 1)
        if twice:
            raise ValueError(f"class_names must differ, found {', '.join(twice)} more than once")
        return self

    def label_numbers(self, class_names: Sequence[str]) -> tuple[int, ...] | None:
        """The numbers of `labels`; None: all records are kept.

        Raises:
            ValueError: a number or a name that no class has.
        """
        if self.labels is None:
            return None
        numbers: dict[int | str, int] = dict(zip(class_names, range(len(class_names)), strict=True))
        numbers |= {number: number for number in range(len(class_names))}
        for label in self.labels:
            if isinstance(label, int) and numbers.get(str(label), label) != label:
                raise ValueError(
                    f'labels must say whether {label} is a number or a name, found both: "{label}" in '
                    "quotes is the name, and other classes are meant by their names, too"
                )
            if label not in numbers:
                meant = nearest(label, class_names) if isinstance(label, str) else None
                raise ValueError(
                    f"labels must be numbers from 0 to {len(class_names) - 1} or names of classes, found "
                    f"{label}" + (f"; did you mean {meant}?" if meant else "")
                )
        return tuple(numbers[label] for label in self.labels)

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out newer keys at their defaults, so that ids are those of older releases."""
        values: dict[str, Any] = handler(self)
        return {k: v for k, v in values.items() if k not in LATER_KEYS or v != LATER_KEYS[k]}
