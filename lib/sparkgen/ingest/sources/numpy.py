"""Reads NumPy arrays of pictures and labels, in .npz or .npy files."""

import logging
from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from pydantic import model_validator

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.pixel_scale import ScaledSource
from sparkgen.ingest.source import Files, Work

if TYPE_CHECKING:
    from sparkgen.ingest.arrays.pairs import Pair
    from sparkgen.ingest.class_values import Classes
    from sparkgen.ingest.looking.look import Look, Recognised

log = logging.getLogger(__name__)


class Config(ScaledSource):
    """NumPy arrays: .npz with pictures and labels, or .npy of pictures beside .npy of labels.

    Pictures are (N, H, W), (N, H, W, C) or (N, H * W * C), channels last. Arrays of fractions want
    `value_max`. Nothing is unpickled.
    """

    train: str
    """An .npz or .npy file, a folder or a glob. An .npz may hold both splits, as Keras' mnist.npz does
    with x_train, y_train, x_test and y_test."""
    test: str | None = None
    """The files of the test split; null: those arrays of `train` whose names say so, if any."""
    train_labels: str | None = None
    """The labels of `train` where that is .npy; null: all are of one class."""
    test_labels: str | None = None
    images: str | None = None
    """The name of the array of pictures in each .npz; null: x_train, train_images, images and so on."""
    labels: str | None = None
    """The name of the array of labels in each .npz, in the same way."""

    @model_validator(mode="after")
    def _names_come_in_a_pair(self) -> "Config":
        if self.labels is not None and self.images is None:
            raise ValueError("labels names an array beside that of images: set both")
        if self.test_labels is not None and self.test is None:
            raise ValueError("test_labels come with test: set both, or neither")
        return self

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.arrays.guess import guess_arrays
        from sparkgen.ingest.looking.look import Recognised, Sure

        found = guess_arrays(look)
        if found is None:
            return None
        about = "height, width, channels: those of the array of pictures"
        pictures = len(
            (look.archives or look).pictures
        )  # of which arrays beside them may tell more
        sure = Sure.MARKED if found.rows > pictures else Sure.LIKELY
        return Recognised(sure, found.keys, found.told, found.shape, about_shape=about)

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(split for split in ("train", "test") if self._pairs()[0].get(split))

    def files(self, dataset: DatasetConfig) -> Files:
        pairs, files = self._pairs()[0], self._files()
        entries = {file.uri: file for some in files.values() for file in some}
        return {
            split: [entries[array.uri] for pair in some for array in pair if array is not None]
            for split, some in pairs.items()
            if some
        }

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.datasets.records import record_of
        from sparkgen.ingest.arrays.pairs import ArrayRule, array_shares, check_pair

        pairs, unused = self._pairs()
        record, scale = record_of(dataset), self.scale()
        scales = {p: check_pair(p, record, scale) for some in pairs.values() for p in some}
        classes = self._classes(dataset, list(scales))
        shares = []
        for split, some in pairs.items():
            names = [file.uri for file in files[split]]
            for pair in some:
                rule = ArrayRule(record.size, scales[pair], classes.labels)
                number = names.index(pair.images.uri)
                shares += array_shares(split, number, pair, rule=rule, tasks=tasks)
        return Work(shares, dict(unused), classes.names)

    def numbers(self, dataset: DatasetConfig) -> "Iterator[Any]":
        from sparkgen.ingest.arrays.npy import blocks_of
        from sparkgen.ingest.arrays.pairs import BLOCK_ROWS
        from sparkgen.ingest.files.compressed import Turns

        for some in self._pairs()[0].values():
            for pair in some:
                blocks = blocks_of(pair.images, Turns(0, 1, None), BLOCK_ROWS)
                yield from (values for _, values in blocks)

    def _files(self) -> Files:
        from sparkgen.ingest.files.find import find_files
        from sparkgen.ingest.files.split_words import refuse_splits

        keys = ("train", "test", "train_labels", "test_labels")
        found = {key: find_files(uri) for key in keys if (uri := getattr(self, key))}
        for split in found.keys() & {"train", "test"}:
            refuse_splits(getattr(self, split), split, [file.uri for file in found[split]])
        return found

    def _pairs(self) -> "tuple[dict[str, list[Pair]], Counter[str]]":
        """The pairs of arrays of each split, and how many pictures are of none."""
        from sparkgen.ingest.arrays.npy import arrays_of
        from sparkgen.ingest.arrays.pairs import Pair, find_pairs

        files, unused = self._files(), Counter[str]()
        pairs: dict[str, list[Pair]] = {"train": []}
        for split in ("train", "test"):
            labels = files.get(f"{split}_labels", [])
            plain = 0
            for file in files.get(split, []):
                arrays = arrays_of(file.uri)
                if "" in arrays:
                    beside = arrays_of(labels[plain].uri)[""] if plain < len(labels) else None
                    pairs.setdefault(split, []).append(Pair(arrays[""], beside))
                    plain += 1
                else:
                    self._sort(split, find_pairs(arrays, self.images, self.labels), pairs, unused)
            if labels and len(labels) != plain:
                raise RequestError(
                    f"as many files of labels as of pictures in source.{split}",
                    found=f"{len(labels)} and {plain}",
                    mend=f"correct source.{split}_labels",
                )
        return pairs, unused

    def _sort(
        self,
        split: str,
        found: "dict[str, Pair]",
        pairs: "dict[str, list[Pair]]",
        unused: Counter[str],
    ) -> None:
        """Adds the pairs of one .npz to the splits that they are of."""
        own = found.get(split) or found.get("") or next(iter(found.values()))
        if len(found) > 1 and own not in (found.get(split), found.get("")):
            raise RequestError(
                f"arrays of the {split} split in {own.images.uri}",
                found=f"those of {', '.join(found)}",
                mend="name them as source.images and source.labels",
            )
        pairs.setdefault(split, []).append(own)
        for name, pair in found.items():
            held_out = "test" if "test" in found else "validation"
            if split == "train" and name == held_out and self.test is None:
                pairs.setdefault("test", []).append(pair)
            elif pair is not own:
                unused["other-split"] += pair.images.shape[0]

    def _classes(self, dataset: DatasetConfig, pairs: "list[Pair]") -> "Classes":
        from sparkgen.ingest.arrays.pairs import count_labels
        from sparkgen.ingest.class_values import find_classes, unlabelled

        for pair in pairs:
            log.info("pictures: %s; labels: %s", pair.images, pair.labels or "none")
        without = [pair for pair in pairs if pair.labels is None]
        if len(without) == len(pairs):
            return unlabelled(dataset.class_names, where=str(pairs[0].images))
        if without:
            raise RequestError(
                f"labels of {without[0].images}, as of the other pictures",
                found="none",
                mend="name them as source.train_labels, test_labels or labels",
            )
        counts = sum((count_labels(p.labels) for p in pairs if p.labels), Counter[str]())
        return find_classes(counts, dataset.class_names, where=f"the labels {pairs[0].labels}")
