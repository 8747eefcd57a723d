"""Reads pairs of idx files: for each split one file of images and one of labels."""

from collections import Counter
from typing import TYPE_CHECKING

from pydantic import model_validator

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, Source, Work

if TYPE_CHECKING:
    from sparkgen.ingest.looking.look import Look, Recognised


class Config(Source):
    """idx files as MNIST and Fashion-MNIST ship: plain, .gz, .bz2, .xz or .zst."""

    train_images: str
    train_labels: str
    test_images: str | None = None
    test_labels: str | None = None

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.arrays.idx_files import find_idx
        from sparkgen.ingest.looking.look import Recognised, Sure

        found = find_idx(look)
        if found is None:
            return None
        about = "height, width, channels: as the header of the pictures says"
        return Recognised(Sure.MARKED, found.keys, found.told, found.shape, about_shape=about)

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "test") if self.test_images else ("train",)

    @model_validator(mode="after")
    def _test_files_come_in_a_pair(self) -> "Config":
        if bool(self.test_images) != bool(self.test_labels):
            raise ValueError("test_images and test_labels come together: set both, or neither")
        return self

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.files.find import find_files

        uris = {"train": (self.train_images, self.train_labels)}
        if self.test_images and self.test_labels:
            uris["test"] = (self.test_images, self.test_labels)
        return {split: [f for uri in pair for f in find_files(uri)] for split, pair in uris.items()}

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.arrays.idx import idx_shares

        record = record_of(dataset)
        for split, entries in files.items():
            if len(entries) != 2:
                raise RequestError(
                    f"one file of images and one of labels for the {split} split",
                    found=f"{len(entries)} files",
                    mend=f"set source.{split}_images and source.{split}_labels to one file each",
                )
        names, values = self._classes(dataset, files)
        shares = [
            share._replace(values=values)
            for split, (images, labels) in files.items()
            for share in idx_shares(
                split, images.uri, labels.uri, record=record, classes=len(names), tasks=tasks
            )
        ]
        return Work(shares, {}, names)

    def _classes(
        self, dataset: DatasetConfig, files: Files
    ) -> tuple[tuple[str, ...], tuple[int, ...] | None]:
        """The names, and the bytes that stand for them; None: 0, 1, ..."""
        from sparkgen.ingest.arrays.idx import label_bytes
        from sparkgen.ingest.class_values import find_classes, plain_order, tell_order

        found = sum((label_bytes(labels.uri) for _, labels in files.values()), Counter[int]())
        counts = {str(byte): count for byte, count in found.items()}
        names, where = dataset.class_names, f"the labels of {self.train_labels}"
        if names is None:
            names = find_classes(counts, None, where=where).names
            numbers = tuple(map(int, names)) if counts else ()
            return names, None if numbers == tuple(range(len(numbers))) else numbers
        order = plain_order(counts, len(names)) if max(found, default=0) >= len(names) else None
        if order is None:
            return names, None
        tell_order(order, names, where=where)
        return names, tuple(map(int, order))
