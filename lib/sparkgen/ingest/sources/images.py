"""Reads image files in folders and archives."""

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field, SerializerFunctionWrapHandler, model_serializer, model_validator

from sparkgen.config.dataset import DatasetConfig
from sparkgen.errors import RequestError
from sparkgen.ingest.picture_options import PictureOptions
from sparkgen.ingest.source import Files, Work

if TYPE_CHECKING:
    from sparkgen.ingest.looking.look import Look, Recognised

LATER_KEYS = ("class_depth", "test_list")  # that older releases do not have; null by default


class Config(PictureOptions):
    """Image files in folders, or inside .tar, .tar.gz, .tar.bz2, .tar.xz, .tar.zst or .zip archives.

    They lie at `<split>/<class>/<file>`, `<class>/<file>`, `<split>/<file>` or `<file>`, which is found
    and told. Without folders for splits, all are of the training split; without folders for classes, of
    one class.
    """

    # A version that does not count unused files may lack images that nobody missed.
    unused_since_release: ClassVar[bool] = True
    captions: ClassVar[tuple[str, ...]] = ("drawn", "text_files")

    path: str
    """A folder or an archive, or a glob for several of them. An image in any folder below that of a class
    is one of the class. Folders above all others do not matter."""
    train: str | None = "train"
    """The folder of the training split inside `path`; null: no folder means a split. It may be missing
    where neither `train` nor `test` is stated."""
    test: str | None = "test"
    """The folder of the test split inside `path`; null: there is none. It may be missing where it is not
    stated. Of several folders or archives, those that have the name of a split are that split."""
    test_list: str | None = None
    """A text file with the paths of the test split's images, one a line, with or without the ending; all
    others are of the training split. It may lie inside `path`."""
    class_depth: Annotated[int, Field(ge=0, le=9)] | None = None
    """How many levels of folders make a class: with 2 a class is named `alphabet/character`, with 0 all
    images are of one class. Null: 0 where all images lie in no class folder, else 1. Class names that are
    not stated are those of the folders, in the order of their code points, or of the numbers where all
    of them are numbers."""

    @model_validator(mode="after")
    def _splits_differ(self) -> "Config":
        stated = self.test if "test" in self.model_fields_set else None
        if self.train is not None and self.train == self.test:
            raise ValueError(f"train and test must be two folders, found {self.train} for both")
        if stated and self.test_list is not None:
            raise ValueError(f"test or test_list must say what is test, found {stated} and a list")
        if stated and self.train is None:
            raise ValueError(f"train must name a folder where test does, found null and {stated}")
        return self

    @model_serializer(mode="wrap")
    def _without_later_defaults(self, handler: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Leaves out newer keys at their defaults, so that a version is found that has none of them."""
        values: dict[str, Any] = handler(self)
        return {k: v for k, v in values.items() if k not in LATER_KEYS or v is not None}

    @classmethod
    def recognise(cls, look: "Look") -> "Recognised | None":
        from sparkgen.ingest.images.formats import ending, format_of
        from sparkgen.ingest.looking.look import Recognised, Sure
        from sparkgen.ingest.trees.guess import guess_layout

        where = look.archives or look
        bare = [name for name in where.names if not ending(name)]
        if not where.pictures and (
            2 * len(bare) <= len(where.names) or format_of(where.first_bytes(bare[0])) is None
        ):
            return None
        guess = guess_layout(where.path, where.listings)
        return Recognised(Sure.LIKELY, {"path": where.path, **guess.keys}, guess.layout)

    def check(self, dataset: DatasetConfig) -> None:
        names = dataset.class_names or ()
        if self.class_depth == 0 and len(names) > 1:
            raise RequestError(
                "one name or none as dataset.class_names where source.class_depth is 0",
                found=f"{len(names)} names",
                mend="correct one of them",
            )

    @property
    def splits(self) -> tuple[str, ...]:
        return ("train", "test") if self.test_list or "test" in self._folders else ("train",)

    def files(self, dataset: DatasetConfig) -> Files:
        from sparkgen.ingest.files.find import find_files, find_trees
        from sparkgen.ingest.trees.test_list import is_file

        found = find_trees(self.path, dataset.class_names or ())
        # With test_fraction there is no test split, and one that is found is refused.
        files = {s: found for s in self.splits if s == "train" or not dataset.test_fraction}
        if self.test_list is not None and is_file(self.test_list):
            files["test"] = [*found, *find_files(self.test_list)]
        return files

    def shares(self, dataset: DatasetConfig, files: Files, *, tasks: int, scratch: str) -> Work:
        from sparkgen.ingest.files.archives import list_members, own_name
        from sparkgen.ingest.trees.caption_files import with_captions, without_captions
        from sparkgen.ingest.trees.layout import FolderRule
        from sparkgen.ingest.trees.placement import place
        from sparkgen.ingest.trees.shares import image_shares
        from sparkgen.ingest.trees.test_list import read_test_list

        uris = [entry.uri for entry in files["train"]]
        listings = [list_members(uri) for uri in uris]
        captions: list[dict[str, Any]] = [{} for _ in uris]
        if dataset.captions is not None and dataset.captions.kind == "text_files":
            listings, captions = map(list, zip(*map(without_captions, listings), strict=True))
        layout = FolderRule(
            self.path,
            self._folders,
            dataset.class_names,
            dataset.max_bad_fraction,
            self.class_depth,
            frozenset({"train", "test"} - self.model_fields_set),
            read_test_list(self.test_list, uris, listings) if self.test_list else None,
            tuple(map(own_name, uris)) if len(uris) > 1 else (),
        )
        candidates, unused, names, _ = place(listings, layout)
        self._refuse_second_test(dataset, candidates)
        rule = self.rule(dataset)
        shares = [
            share
            for split, sources in candidates.items()
            for number, uri in enumerate(uris)
            for found in [with_captions(sources[number], captions[number])]
            for share in image_shares(split, number, uri, found, rule=rule, tasks=tasks)
        ]
        return Work(shares, unused, names if dataset.class_names is None else None)

    @property
    def _folders(self) -> dict[str, str]:
        """The folder of each split, empty for one that has none of its own."""
        if self.train is None or (self.test_list and "train" not in self.model_fields_set):
            return {"train": ""}
        if self.test is None or self.test_list:
            return {"train": self.train}
        return {"train": self.train, "test": self.test}

    def _refuse_second_test(self, dataset: DatasetConfig, candidates: dict[str, Any]) -> None:
        if dataset.test_fraction and "test" in candidates:
            raise RequestError(
                f"one test split of dataset {dataset.name}",
                found=f"test_fraction {dataset.test_fraction}, and a folder {self.test} in {self.path}",
                mend="remove test_fraction, or set source.test to null",
            )
