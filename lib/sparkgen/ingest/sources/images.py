"""Reads image files in class folders and archives."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, model_validator

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.source import Files, Source, Work


class Config(Source):
    """Image files in class folders, loose or inside .tar, .tar.gz, .tar.bz2 or .zip archives."""

    # A version that does not count unused files may lack images that nobody missed.
    unused_since_release: ClassVar[bool] = True

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
    def _splits_differ(self) -> "Config":
        if self.train == self.test:
            raise ValueError(f"train and test must be two folders, found {self.train} for both")
        return self

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "test") if self.test else ("train",)

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.files import find_trees

        found = find_trees(self.path, dataset.class_names)
        return dict.fromkeys(self.splits, found)

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.archives import list_members
        from sparkgen.ingest.decode import ImageRule
        from sparkgen.ingest.image_shares import image_shares
        from sparkgen.ingest.picture_paths import FolderRule
        from sparkgen.ingest.placement import place

        rule = ImageRule(record_of(dataset).shape, self.resize, self.background, self.max_pixels)
        folders = {s: f for s, f in (("train", self.train), ("test", self.test)) if f}
        uris = [entry.uri for entry in files["train"]]
        layout = FolderRule(self.path, folders, dataset.class_names, dataset.max_bad_fraction)
        candidates, unused = place([list_members(uri) for uri in uris], layout)
        shares = [
            share
            for split in folders
            for number, uri in enumerate(uris)
            for share in image_shares(
                split, number, uri, candidates[split][number], rule=rule, tasks=tasks
            )
        ]
        return Work(shares, unused)
