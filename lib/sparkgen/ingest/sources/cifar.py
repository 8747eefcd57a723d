"""Reads CIFAR-10 and CIFAR-100 in their own binary form."""

from typing import TYPE_CHECKING, Literal

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.source import Files, Source, Work

if TYPE_CHECKING:
    from sparkgen.ingest.arrays.cifar import Batches
    from sparkgen.ingest.looking.look import Look, Recognised


class Config(Source):
    """CIFAR-10's and CIFAR-100's binary files, in a folder or as cifar-10-binary.tar.gz as published."""

    path: str
    """The folder or the archive."""
    labels: Literal["fine", "coarse"] = "fine"
    """Of CIFAR-100: its 100 classes, or the 20 that these are of."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.arrays.cifar import KINDS, SHAPE, is_batch
        from sparkgen.ingest.looking.look import Recognised, Sure

        for path, members in look.listings.items():
            kinds = [k for k in KINDS if any(is_batch(k.train, member) for member in members)]
            if len(look.listings) == 1 and kinds:
                name, about = kinds[0].name, "height, width, channels: as all pictures of CIFAR"
                return Recognised(
                    Sure.MARKED, {"path": path}, f"{name}'s binary files", SHAPE, about_shape=about
                )
        return None

    def check(self, dataset: DatasetConfig) -> None:
        if dataset.shape != (32, 32, 3):
            raise RequestError(
                "dataset.shape [32, 32, 3], that of the pictures of CIFAR",
                found=str(list(dataset.shape)),
                mend="correct it",
            )

    @property
    def splits(self) -> tuple[str, ...]:
        return tuple(self._batches().splits)

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.files.find import find_trees

        return dict.fromkeys(self.splits, find_trees(self.path))

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.arrays.cifar import CifarShare, class_names

        batches, stated = self._batches(), dataset.class_names
        count = batches.kind.classes[self.labels]
        if stated is not None and len(stated) != count:
            raise RequestError(
                f"{count} dataset.class_names for {batches.kind.name}",
                found=str(len(stated)),
                mend="remove them: the source has names",
            )
        label = list(batches.kind.labels).index(self.labels)
        shares = [
            CifarShare(split, number, files[split][0].uri, member, batches.kind, label, count)
            for split, members in batches.splits.items()
            for number, member in enumerate(members)
        ]
        unused = {"not-a-batch": batches.others} if batches.others else {}
        return Work(shares, unused, stated or class_names(self.path, batches, self.labels))

    def _batches(self) -> "Batches":
        from sparkgen.ingest.arrays.cifar import find_batches
        from sparkgen.ingest.files.archives import list_members

        return find_batches(self.path, list_members(self.path), self.labels)
