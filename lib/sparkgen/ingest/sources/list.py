"""Reads pictures that a list names: paths, classes and splits in CSV or JSON lines."""

import logging
from collections import Counter
from typing import TYPE_CHECKING

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.picture_options import PictureOptions
from sparkgen.ingest.source import Files, ManyBad, Work

if TYPE_CHECKING:
    from sparkgen.ingest.class_values import Classes
    from sparkgen.ingest.files.path_list import PathList
    from sparkgen.ingest.looking.look import Look, Recognised
    from sparkgen.ingest.trees.placement import Candidate

log = logging.getLogger(__name__)


class Config(PictureOptions):
    """Pictures named by a list: CSV with a header, or JSON lines (.jsonl, .ndjson), also compressed.

    Hugging Face's metadata.csv and metadata.jsonl are such lists. Commas, semicolons, tabs or bars
    separate the fields of CSV.
    """

    path: str
    """The list; without one for the test split, of all pictures."""
    test: str | None = None
    """A list of the test split; null: `split` says which rows are of it. With it, rows of either list
    that are marked as of another split are not used."""
    root: str | None = None
    """The folder or archive that the paths start from; null: the folder of the list."""
    image: str | None = None
    """The column of the paths, or of names without ending; null: `image`, `path`, `file_name` and the
    like."""
    label: str | None = None
    """The column of the classes, by name or number; null: `label`, `class`, `category` and the like."""
    split: str | None = None
    """The column of the splits: train, test, validation. Validation rows are the test split where there
    are no test rows, and not used else. null: `split`, `set` and the like; without it all is `train`."""

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.lists.guess import guess_lists
        from sparkgen.ingest.looking.look import Recognised, Sure

        found = guess_lists(look)
        if found is None:
            return None
        covers = Sure.MARKED if found.covers else Sure.LIKELY  # as folders of pictures are
        return Recognised(covers if found.tells else Sure.READABLE, found.keys, found.told)

    @property
    def splits(self) -> tuple[str, ...]:
        if self.test:
            return ("train", "test")
        meant = self._split(0, self._read(self.path))
        has_test = isinstance(meant, dict) and "test" in meant.values()
        return ("train", "test") if has_test else ("train",)

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.files.find import find_files, find_trees

        trees = [tree for path in self._lists() for tree in find_trees(self._root(path))]
        lists = [file for path in self._lists() for file in find_files(path)]
        return dict.fromkeys(self.splits, trees + lists)

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.files.archives import list_members
        from sparkgen.ingest.lists.listed import Members, listed, not_listed
        from sparkgen.ingest.trees.shares import image_shares

        rule, lists = self.rule(dataset), [self._read(path) for path in self._lists()]
        classes = self._classes(dataset, lists)
        roots = [tree.uri for tree in files["train"][: len(lists)]]
        members = {root: Members(root, list_members(root)) for root in roots}
        named: dict[str, set[int]] = {root: set() for root in roots}
        unused: Counter[str] = Counter()
        shares = []
        for number, (root, pictures) in enumerate(zip(roots, lists, strict=True)):
            splits = self._split(number, pictures)
            found = listed(pictures.rows, splits, members[root], classes)
            self._refuse_missing(dataset, root, [c for s in found.candidates.values() for c in s])
            named[root] |= found.named
            unused += found.unused
            for split, some in found.candidates.items():
                shares += image_shares(split, number, root, some, rule=rule, tasks=tasks)
        for root in members:
            unused += not_listed(members[root], named[root], self._inside(root))
        return Work(shares, dict(sorted(unused.items())), classes.names)

    def _lists(self) -> list[str]:
        return [self.path, self.test] if self.test else [self.path]

    def contradiction(self, dataset: DatasetConfig, bad: ManyBad) -> RequestError | None:
        if bad.reason != "path-escape":
            return super().contradiction(dataset, bad)
        return RequestError(
            f"listed paths within {self.root or 'the folder of the list'}",
            found=f"{bad.number} that lead out of it; {bad.where}",
            mend="set source.root to the folder or archive that they begin with",
        )

    def _root(self, path: str) -> str:
        from sparkgen.datasets.storage import absolute

        return self.root or absolute(path).rpartition("/")[0] or "/"

    def _inside(self, root: str) -> set[str]:
        """The paths of the lists from a root on."""
        from sparkgen.datasets.storage import absolute

        return {absolute(path).removeprefix(root.rstrip("/") + "/") for path in self._lists()}

    def _read(self, path: str) -> "PathList":
        from sparkgen.ingest.files.path_list import read_list

        stated = {"image": self.image, "label": self.label, "split": self.split}
        return read_list(path, stated)

    def _split(self, number: int, pictures: "PathList") -> dict[str, str] | str:
        """What the splits of a list's rows mean, or the split of all of them.

        A list with another one beside it is of one split. Rows that it marks as of another one are not
        used; if it marks no row by a word for a split, its column is of something else.

        Raises:
            RequestError: all rows of a list are of another split.
        """
        from sparkgen.ingest.files.path_list import split_names

        own = "test" if number else "train"
        if pictures.columns.split is None:
            return own
        meant = split_names(pictures.rows)
        if not self.test:
            return meant
        if not any(meant.values()):
            return own
        if own not in meant.values():
            raise RequestError(
                f"rows of the {own} split in {self._lists()[number]}",
                found=f"{', '.join(sorted(meant))} in the column {pictures.columns.split}",
                mend="correct source.path and source.test, or the column",
            )
        return {value: split if split == own else "" for value, split in meant.items()}

    def _classes(self, dataset: DatasetConfig, lists: "list[PathList]") -> "Classes":
        from sparkgen.ingest.class_values import find_classes, unlabelled

        for number, (path, found) in enumerate(zip(self._lists(), lists, strict=True)):
            columns = ", ".join(f"{k}: {v or 'none'}" for k, v in found.columns._asdict().items())
            meant = self._split(number, found)
            splits = f"; splits: {meant}" if isinstance(meant, dict) else ""
            log.info("columns of %s: %s%s", path, columns, splits)
            self._warn(path, found)
        rows = (row for found in lists for row in found.rows)
        values = Counter(row.value for row in rows if row.value is not None)
        where = f"the column {lists[0].columns.label or 'label'} of {self.path}"
        if not values:
            return unlabelled(dataset.class_names, where=where)
        return find_classes(values, dataset.class_names, where=where)

    def _warn(self, path: str, found: "PathList") -> None:
        """Tells where a column that is not used may be that of the classes or of the splits."""
        from sparkgen.ingest.class_values import shown

        if found.columns.label is None and found.others:
            names = shown(found.others)
            told = "%s has no column of a usual name for classes; source.label may name one of %s"
            log.warning(told, path, names)
        if found.columns.split is None and found.like_splits:
            names = shown(found.like_splits)
            log.warning("%s has words for splits in %s: source.split names it", path, names)

    def _refuse_missing(self, dataset: DatasetConfig, root: str, rows: "list[Candidate]") -> None:
        """Refuses a list of which many files are not where the configuration says."""
        from sparkgen.ingest.lists.listed import MISSING

        missing = [row for row in rows if row.reason == MISSING]
        if len(missing) > dataset.max_bad_fraction * len(rows):
            raise RequestError(
                f"the listed files in {root}, but for a share of at most {dataset.max_bad_fraction} "
                "(dataset.max_bad_fraction)",
                found=f"{len(missing)} of {len(rows)} missing, such as {missing[0].member.name}",
                mend="set source.root to the folder or archive that the paths start from",
            )
