"""Reads WebDataset archives: tars of samples, a picture and its label side by side."""

from collections import Counter
from typing import TYPE_CHECKING

from sparkgen.config.dataset import DatasetConfig
from sparkgen.ingest.picture_options import PictureOptions
from sparkgen.ingest.source import Files, FileSource, Work

if TYPE_CHECKING:
    from sparkgen.datasets.manifest import SourceEntry
    from sparkgen.ingest.looking.look import Look, Recognised

HALF = 0.5  # of the samples, that have labels where an archive is one of WebDataset


class Config(PictureOptions, FileSource):
    """WebDataset archives, whose samples are `NAME.jpg` with `NAME.cls`, `NAME.json` or `NAME.txt`.

    Any kind of picture. The first of the three that any sample has says the class of all, by name or
    number; where no sample has one, all are of the class `all`.
    """

    label_key: str | None = None
    """The key of the .json members that says the class; null: `label`, `cls`, `class`, `class_name`,
    `category` or `target`, the first that any member has, where no sample has a .cls."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.lists.webdataset import share_labelled
        from sparkgen.ingest.looking.look import Recognised, Sure
        from sparkgen.ingest.looking.split_files import split_files

        where = look if look.kind == "archive" else (look.archives or look)
        members = next(iter(where.listings.values()), [])
        if where.kind not in ("archive", "several") or share_labelled(where.path, members) < HALF:
            return None
        files = [tree for tree in where.listings]
        splits = split_files(look if look.kind == "folder" else where, files)
        return Recognised(
            Sure.MARKED, splits.keys, f"pictures with their labels beside them{splits.told}"
        )

    def read(self, files: "list[SourceEntry]") -> "list[SourceEntry]":
        from sparkgen.ingest.files.archives import is_archive

        return [f for f in files if is_archive(f.uri)] or files

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.lists.webdataset import find_samples
        from sparkgen.ingest.trees.shares import image_shares

        rule = self.rule(dataset)
        places = [(split, n, f.uri) for split, some in files.items() for n, f in enumerate(some)]
        found = find_samples([uri for *_, uri in places], dataset.class_names, self.label_key)
        shares = [
            share
            for (split, number, uri), candidates in zip(places, found.candidates, strict=True)
            for share in image_shares(split, number, uri, candidates, rule=rule, tasks=tasks)
        ]
        unused = found.unused + Counter(self.passed_over()) + self._no_archives(files)
        return Work(shares, dict(sorted(unused.items())), found.class_names)

    def _no_archives(self, files: Files) -> Counter[str]:
        """How many files beside the archives are not used."""
        there = sum(map(len, self.found().values()))
        return +Counter({"not-an-archive": there - sum(map(len, files.values()))})
