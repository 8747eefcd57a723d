"""What `conf/datasets/*.yaml` may say."""

from collections import Counter
from typing import Annotated, Any, Literal

from pydantic import Field, FiniteFloat, field_validator, model_validator

from sparkgen.config.strict import Seed, Strict


class LibsvmSource(Strict):
    """libsvm text: `label index:value ...`, indices ascending, `#` comments, in UTF-8.

    Plain, .gz, .bz2, .xz or .zst.
    """

    format: Literal["libsvm"]
    train: str
    test: str | None = None
    zero_based: bool = False
    """Indices start at 0 instead of 1."""
    value_min: FiniteFloat = 0.0
    value_max: FiniteFloat = 255.0
    """A value v becomes round((v - value_min) / (value_max - value_min) * 255); outside is an error,
    and so is a source whose values are all so small that every picture would be black."""


class ImageSource(Strict):
    """Image files in class folders, loose or inside .tar, .tar.gz, .tar.bz2 or .zip archives."""

    format: Literal["images"]
    path: str
    """A folder or an archive that holds `<split>/<class>/<file>`, or a glob for several of them. An
    image in any folder below that of a class is one of the class."""
    train: str = "train"
    """The name of the training split inside `path`."""
    test: str | None = "test"
    """The name of the test split inside `path`; null: there is none."""
    resize: Literal["nearest", "bilinear", "bicubic", "lanczos"] = "lanczos"
    """The filter that scales the shorter side to the shape; the centre is then cropped."""
    background: Annotated[int, Field(ge=0, le=255)] = 255
    """The grey level that transparent pixels are laid over."""
    max_pixels: Annotated[int, Field(gt=0, le=178_956_970)] = 64_000_000
    """An image that declares more pixels than this is refused before it is decoded. Pillow decodes
    none beyond the highest value allowed."""

    @model_validator(mode="after")
    def _splits_differ(self) -> "ImageSource":
        if self.train == self.test:
            raise ValueError(f"train and test must be two folders, found {self.train} for both")
        return self


class IdxSource(Strict):
    """idx files as MNIST and Fashion-MNIST ship: plain, .gz, .bz2, .xz or .zst."""

    format: Literal["idx"]
    train_images: str
    train_labels: str
    test_images: str | None = None
    test_labels: str | None = None


class BuiltinSource(Strict):
    """A data set that comes with the program: `digits`, scikit-learn's handwritten digits."""

    format: Literal["builtin"]
    dataset: Literal["digits"] = "digits"


Source = Annotated[
    LibsvmSource | ImageSource | IdxSource | BuiltinSource, Field(discriminator="format")
]


class DatasetConfig(Strict):
    """One data set: where it comes from, what shape it has, how it is cut."""

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_]*$")]
    source: Source
    shape: tuple[int, int, int]
    """Height, width and channels (1 or 3) of every image. libsvm rows have H * W * C columns."""
    class_names: Annotated[tuple[str, ...], Field(min_length=1)]
    """The names of the labels 0, 1, ...; a class folder of images bears a name or a number."""
    labels: tuple[int, ...] | None = None
    """Keep only the records of these labels. Labels keep their numbers."""
    invert: bool = False
    """Store 255 - pixel."""
    limit: Annotated[int, Field(gt=0)] | None = None
    """Keep at most this many records of each split, chosen at random by `seed` among those that
    `labels` leaves."""
    validation_fraction: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """The share of training records set aside, at random by the seed, as the validation split."""
    shards: Annotated[int, Field(gt=0)] | None = None
    """Files of the training split, a multiple of `lanes`; None: by `shard_rows`. Fewer and larger
    files are read faster; one may hold 1 GiB of pixels."""
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
    def _shape_and_lanes_hold(self) -> "DatasetConfig":
        height, width, channels = self.shape
        if min(height, width) < 1 or channels not in (1, 3):
            raise ValueError(f"shape must be [height, width, 1 or 3], found {list(self.shape)}")
        classes = len(self.class_names)
        if self.labels is not None and not set(self.labels) <= set(range(classes)):
            raise ValueError(
                f"labels must be numbers of class_names, 0 to {classes - 1}, found "
                f"{list(self.labels)}"
            )
        if self.labels == ():
            raise ValueError("labels must name a class; leave the key out for all")
        if self.shards is not None and self.shards % self.lanes:
            raise ValueError(
                f"shards must be a multiple of the {self.lanes} lanes, found {self.shards}"
            )
        twice = sorted(name for name, n in Counter(self.class_names).items() if n > 1)
        if twice:
            raise ValueError(f"class_names must differ, found {', '.join(twice)} more than once")
        return self
