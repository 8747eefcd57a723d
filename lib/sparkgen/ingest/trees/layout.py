"""Finds how pictures are laid out: where splits and classes lie, from the folders that pictures lie in.

    <split>/<class>/<file>    <class>/<file>    <split>/<file>    <file>

A class is `depth` levels of folders. Where no folder means a split, all pictures are of the training
split, and the folders above the classes are the `root` of a source.
"""

import re
from collections.abc import Mapping, Sequence
from itertools import takewhile
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.files.split_words import SPLITS

Parts = tuple[str, ...]
Folders = Mapping[Parts, int]
"""How many pictures each folder of a source has; a folder is the parts of its path."""

_LIKE_TRAIN = re.compile(r"(^|[\W_])train(ing|set)?($|[\W_\d])", re.IGNORECASE)
NO_CLASS = ""  # the class folder of all pictures where none lies in one
# Folders that are usual beside `train`, and are no classes.
OTHER_SPLITS = frozenset(w for w, split in SPLITS.items() if split != "train") | {
    "extra",
    "unlabeled",
}


class FolderRule(NamedTuple):
    """The part of the configuration that names split and class folders; `path` is for messages only."""

    path: str
    folders: dict[str, str]
    """The folder of each split; empty: the split has no folder of its own."""
    class_names: tuple[str, ...] | None
    """None: the names of the folders."""
    most_unused: float
    """The share of the pictures in a split's folder that may lie outside its class folders."""
    depth: int | None = None
    """How many levels of folders make a class; None: found."""
    optional: frozenset[str] = frozenset()
    """The splits whose folders may be missing, because the configuration does not name them."""
    test_list: frozenset[str] | None = None
    """The paths of the pictures of the test split; None: its folder says which they are."""
    names: tuple[str, ...] = ()
    """The names of the sources, where there are several: `train.tar` may be the folder `train`."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that there may be."""
        return tuple(dict.fromkeys([*self.folders, *(["test"] if self.test_list else [])]))

    @property
    def known(self) -> frozenset[str]:
        """The folder names that mean a class of `class_names`: names and numbers."""
        names = self.class_names or ()
        return frozenset((*names, *map(str, range(len(names)))))

    @property
    def may_lack_classes(self) -> bool:
        """Whether pictures may lie in no class folder, because there is one class at most."""
        return self.class_names is None or len(self.class_names) == 1


class PictureLayout(NamedTuple):
    """The folder of each split that there is, and the number of levels of a class.

    `known` are the folder names that mean a stated class, if classes are stated. `roots` has for each
    source the folder that its classes lie in, where no folder means a split.
    """

    folders: dict[str, str]
    depth: int
    known: frozenset[str]
    roots: tuple[Parts, ...] = ()

    def pattern(self, split: str) -> str:
        """The path of a picture, such as `train/<class>/<file>`."""
        return "/".join([*filter(None, [self.folders[split]]), *["<class>"] * self.depth, "<file>"])


class Home(NamedTuple):
    """The split and the class folder of the files in a folder, None where they are in none.

    `start` is the number of levels above the class folder, `below` that of the levels below it.
    """

    split: str | None
    folder: str | None = None
    start: int = 0
    below: int = 0


def home_of(parts: Parts, source: int, layout: PictureLayout) -> Home:
    """Where the files in a folder belong."""
    if layout.roots:
        root = layout.roots[source]
        inside = parts[: len(root)] == root
        return _home("train", parts, len(root), layout.depth) if inside else Home(None)
    splits = {folder: split for split, folder in layout.folders.items()}
    if layout.known and layout.depth:
        return _home_by_name(parts, splits, layout.depth, layout.known)
    end = _split_end(parts, splits)
    return _home(splits[parts[end - 1]], parts, end, layout.depth) if end else Home(None)


def _home(split: str, parts: Parts, start: int, depth: int) -> Home:
    below = len(parts) - start - depth
    folder = "/".join(parts[start : start + depth]) if below >= 0 else None
    return Home(split, folder, start, below)


def _home_by_name(
    parts: Parts, splits: Mapping[str, str], depth: int, known: frozenset[str]
) -> Home:
    """Takes the last folder of a split below which a class follows, if possible a known one."""
    starts = [i for i in range(len(parts) - depth, 0, -1) if parts[i - 1] in splits]
    named = (i for i in starts if "/".join(parts[i : i + depth]) in known)
    start = next(named, starts[0] if starts else None)
    if start is not None:
        return _home(splits[parts[start - 1]], parts, start, depth)
    return Home(next((splits[part] for part in parts if part in splits), None))


def _split_end(parts: Parts, splits: Mapping[str, str]) -> int:
    """How many levels the folder of a split ends a path's first row of such folders at; 0: none."""
    end = 0
    for level, part in enumerate(parts, 1):
        if part in splits:
            end = level
        elif end:
            break
    return end


def find_layout(sources: Sequence[Folders], rule: FolderRule) -> PictureLayout:
    """The layout of the pictures of all sources.

    Raises:
        RequestError: a folder that the configuration does not name may be a split or a class.
    """
    if not all(rule.folders.values()):
        return _without_splits(sources, rule)
    layout = PictureLayout(rule.folders, _depth_below_splits(sources, rule), rule.known)
    _refuse_classes_above_splits(sources, layout, rule)
    inside = _pictures_by_split(sources, layout)
    if set(rule.folders) == rule.optional:
        if not inside or _has_classes_beside(sources, layout, rule):
            other = _without_splits(sources, rule)
            _refuse_splits_as_classes(sources, other, rule)
            return other
        _refuse_split_or_class(sources, inside, layout, rule)
    missing = rule.optional - inside.keys() - {"train"}
    return layout._replace(folders={s: f for s, f in rule.folders.items() if s not in missing})


def _depth_below_splits(sources: Sequence[Folders], rule: FolderRule) -> int:
    if rule.depth is not None:
        return rule.depth
    splits = {folder: split for split, folder in rule.folders.items()}
    ends = [(_split_end(parts, splits), parts) for found in sources for parts in found]
    levels = {len(parts) - end for end, parts in ends if end}
    return 0 if levels == {0} and rule.may_lack_classes else 1


def _refuse_classes_above_splits(
    sources: Sequence[Folders], layout: PictureLayout, rule: FolderRule
) -> None:
    """Refuses `cat/train/<file>` beside `dog/train/<file>`, whose classes lie above their splits."""
    if layout.depth != 0 or rule.depth is not None:
        return
    splits = {folder: split for split, folder in rule.folders.items()}
    for found in sources:
        ends = [(_split_end(parts, splits), parts) for parts in found]
        above = sorted({"/".join(parts[: end - 1]) for end, parts in ends if end})
        if len(above) > 1:
            raise RequestError(
                f"classes inside the folders of splits in {rule.path}, as <split>/<class>/<file>",
                found=f"the folder of a split in each of {', '.join(above[:6])}",
                mend="move the pictures, or set source.class_depth to 0 where those are no classes",
            )


def _pictures_by_split(sources: Sequence[Folders], layout: PictureLayout) -> dict[str, int]:
    """How many pictures lie in the folder of each split."""
    counts: dict[str, int] = {}
    for n, found in enumerate(sources):
        for parts, count in found.items():
            split = home_of(parts, n, layout).split
            if split is not None:
                counts[split] = counts.get(split, 0) + count
    return counts


def _has_classes_beside(
    sources: Sequence[Folders], layout: PictureLayout, rule: FolderRule
) -> bool:
    """Whether more pictures are of a stated class where no folder means a split, as a class `train`."""
    known = _in_known(sources, layout) if layout.known else 0
    if not layout.known or known == sum(sum(found.values()) for found in sources):
        return False
    return known < _in_known(sources, _without_splits(sources, rule))


def _in_known(sources: Sequence[Folders], layout: PictureLayout) -> int:
    """How many pictures a layout puts into stated classes."""
    return sum(
        count
        for n, found in enumerate(sources)
        for parts, count in found.items()
        if home_of(parts, n, layout).folder in layout.known
    )


def _refuse_split_or_class(
    sources: Sequence[Folders], inside: Mapping[str, int], layout: PictureLayout, rule: FolderRule
) -> None:
    """Refuses a folder `train` with many pictures beside it, which may be a class with others."""
    if rule.class_names is not None or set(inside) != {"train"}:
        return
    others = {
        parts: count
        for n, found in enumerate(sources)
        for parts, count in found.items()
        if home_of(parts, n, layout).split is None and not OTHER_SPLITS & set(parts)
    }
    alike = [
        parts for parts in others if len(parts) == 1
    ]  # as many levels down as the folder itself
    classes = layout.depth == 0 and len(alike) > 1
    if classes or 2 * sum(others.values()) > inside["train"]:
        folder, beside = rule.folders["train"], "/".join(next(iter(others))) or "none"
        raise RequestError(
            f"source.train where folder {folder} of {rule.path} may be a split or a class",
            found=f"{inside['train']} pictures in it and {sum(others.values())} beside it, such as in "
            f"folder {beside}",
            mend=f"set source.train to {folder} where it is the training split, to null "
            "where it is a class",
        )


def _refuse_splits_as_classes(
    sources: Sequence[Folders], layout: PictureLayout, rule: FolderRule
) -> None:
    """Refuses folders like `Training` and `Testing` as the names of classes that nobody stated."""
    homes = (home_of(parts, n, layout) for n, found in enumerate(sources) for parts in found)
    inside = {home.folder.partition("/")[0] for home in homes if home.folder}
    names = sorted({*inside, *rule.names})
    like = [name for name in names if _LIKE_TRAIN.search(name)]
    if like and rule.class_names is None:
        raise RequestError(
            f"source.train where folder {like[0]} of {rule.path} may be a split or a class",
            found=f"it beside {', '.join([name for name in names if name != like[0]][:6])}",
            mend=f"set source.train to {like[0]} and source.test to the folder of the test split, or "
            "source.train to null where these are classes",
        )


def _without_splits(sources: Sequence[Folders], rule: FolderRule) -> PictureLayout:
    """The layout where no folder means a split."""
    common = [_common(list(found)) for found in sources]
    flat = [set(found) <= {root} for found, root in zip(sources, common, strict=True)]
    alike = len({root for root, found in zip(common, sources, strict=True) if found}) < 2
    depth = rule.depth
    if depth is None:
        depth = 0 if all(flat) and alike and rule.may_lack_classes else 1
    roots: list[Parts]
    if depth == 0:
        roots = [()] * len(sources)
    elif rule.class_names is not None:
        roots = [_root_of_known(f, r, depth, rule) for f, r in zip(sources, common, strict=True)]
    elif rule.depth is not None:
        deepest = [max(map(len, found), default=0) for found in sources]
        roots = [r[: max(0, most - depth)] for r, most in zip(common, deepest, strict=True)]
    elif all(flat):  # each source is one class
        roots = [_common(common)] * len(sources)
    else:
        roots = [r[:-1] if one else r for r, one in zip(common, flat, strict=True)]
    return PictureLayout({"train": ""}, depth, rule.known, tuple(roots))


def _root_of_known(found: Folders, common: Parts, depth: int, rule: FolderRule) -> Parts:
    """The folder above all pictures below which most of them lie in stated classes."""

    def known(root: Parts) -> int:
        return _in_known([found], PictureLayout({}, depth, rule.known, (root,)))

    roots = [common[:end] for end in range(len(common), -1, -1)]
    return max(roots, key=known)  # the first of equals, which is the longest


def _common(paths: Sequence[Parts]) -> Parts:
    """The folders that some paths begin with together."""
    if not paths:
        return ()
    first, last = min(paths), max(paths)
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    return tuple(part for part, _ in alike)
