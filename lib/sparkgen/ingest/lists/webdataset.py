"""Finds the samples of WebDataset archives: members that share a name up to its first dot.

    some/path/0001.jpg  some/path/0001.cls      one sample, `some/path/0001`

A picture is a record; its class is the text of `.cls` or `.txt`, or a key of `.json`. All samples are
read in one way: the first of these that any sample has (github.com/webdataset/webdataset, "The
WebDataset Format").
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import Classes, as_value, find_classes, shown, unlabelled
from sparkgen.ingest.files.archives import fault_of, list_members, read_members
from sparkgen.ingest.files.member import Member
from sparkgen.ingest.images.formats import ENDINGS
from sparkgen.ingest.trees.checks import printable
from sparkgen.ingest.trees.placement import Candidate

LABELS = ("cls", "json", "txt")
"""The endings of members that say the class, the first of them that occurs before the others."""
JSON_KEYS = ("label", "cls", "class", "class_name", "category", "target")
MOST_LABEL_BYTES = 1 << 20
THREADS = 16  # that wait for storage

log = logging.getLogger(__name__)


class Sample(NamedTuple):
    """A picture, and the members of its sample that may say its class, by their endings."""

    picture: Member
    labels: dict[str, Member]


class Archive(NamedTuple):
    """The samples of one archive in its order, and how many members are not used, by reason."""

    uri: str
    samples: list[Sample]
    unused: Counter[str]


class Found(NamedTuple):
    """The candidates of each archive, the names of the classes, how much is not used, by reason."""

    candidates: list[list[Candidate]]
    class_names: tuple[str, ...]
    unused: Counter[str]


def find_samples(
    uris: Sequence[str], class_names: tuple[str, ...] | None, label_key: str | None
) -> Found:
    """The samples of several archives, as candidates with their labels.

    Args:
        uris: of the archives.
        class_names: the stated ones; None: those that the samples have.
        label_key: of the JSON members; None: the first of `JSON_KEYS` that any member has.

    Raises:
        RequestError: a damaged archive; no picture in any; labels that say no class.
    """
    with ThreadPoolExecutor(THREADS) as readers:
        archives = list(readers.map(lambda uri: samples_of(uri, list_members(uri)), uris))
        _refuse_no_pictures(uris, archives)
        kind = _label_kind(archives, label_key)
        keys = ((label_key,) if label_key else JSON_KEYS) if kind == "json" else ("",)
        found = list(readers.map(lambda archive: _values(archive, kind, keys), archives))
    there = {key for some in found for by_key in some for key in by_key}
    key = next((key for key in keys if key in there), "")  # one and the same for all samples
    values = [[by_key.get(key) for by_key in some] for some in found]
    classes = _classes([v for some in values for v in some], kind, class_names, label_key)
    unused = sum((archive.unused for archive in archives), Counter[str]())
    unused["other-member"] += sum(
        len(sample.labels.keys() - {kind}) for archive in archives for sample in archive.samples
    )
    candidates = [
        [
            _candidate(sample.picture, value, classes)
            for sample, value in zip(archive.samples, some, strict=True)
        ]
        for archive, some in zip(archives, values, strict=True)
    ]
    return Found(candidates, classes.names, +unused)


def samples_of(uri: str, members: Sequence[Member]) -> Archive:
    """The samples of a listing, in the order of their pictures."""
    unused: Counter[str] = Counter()
    groups: dict[str, dict[str, Member]] = {}
    for member in members:
        folder, _, file = member.name.replace("\\", "/").rpartition("/")
        stem, _, ending = file.partition(".")
        if not stem:
            unused["hidden"] += 1
            continue
        group = groups.setdefault(f"{folder}/{stem}", {})
        unused["replaced"] += ending.lower() in group  # the last is used, as where one unpacks it
        group[ending.lower()] = member
    samples = []
    for group in groups.values():
        pictures = [ending for ending in group if f".{ending}" in ENDINGS]
        labels = {ending: group[ending] for ending in LABELS if ending in group}
        if pictures:
            samples.append(Sample(group[pictures[0]], labels))
            unused["second-picture"] += len(pictures) - 1
            unused["other-member"] += len(group) - len(pictures) - len(labels)
        else:
            unused["no-picture"] += len(group)
    samples.sort(key=lambda sample: sample.picture.number)
    return Archive(uri, samples, +unused)


def share_labelled(uri: str, members: Sequence[Member]) -> float:
    """The share of the samples of an archive that have a member that may say their class."""
    samples = samples_of(uri, members).samples
    return sum(bool(sample.labels) for sample in samples) / max(len(samples), 1)


def values_in(text: bytes | None, kind: str, keys: Sequence[str]) -> dict[str, str]:
    """The values for the class that a member has, by the key of JSON; that of a text has the key ""."""
    if text is None:
        return {}
    try:
        found = json.loads(text) if kind == "json" else {"": text.decode("utf-8-sig")}
    except (ValueError, RecursionError):
        return {}
    if not isinstance(found, dict):
        return {}
    plain = {key: found[key] for key in keys if type(found.get(key)) in (int, float, str)}
    return {key: value for key, some in plain.items() if (value := as_value(some))}


def _label_kind(archives: list[Archive], label_key: str | None) -> str | None:
    """The ending of the members that say the class; None: no sample has such a member."""
    if label_key:
        return "json"
    kinds = {kind for archive in archives for sample in archive.samples for kind in sample.labels}
    return next((kind for kind in LABELS if kind in kinds), None)


def _values(archive: Archive, kind: str | None, keys: Sequence[str]) -> list[dict[str, str]]:
    """The values for the class of every sample of an archive, by their keys."""
    members = {
        sample.labels[kind].number: sample.labels[kind]
        for sample in archive.samples
        if kind is not None and kind in sample.labels
    }
    readable = [m for _, m in sorted(members.items()) if not m.fault and m.size < MOST_LABEL_BYTES]
    texts: Iterator[bytes | None] = read_members(archive.uri, readable)
    values = {
        m.number: values_in(t, kind or "", keys) for m, t in zip(readable, texts, strict=True)
    }
    numbers = [s.labels[kind].number if kind in s.labels else -1 for s in archive.samples]
    return [values.get(number, {}) for number in numbers]


def _classes(
    values: Sequence[str | None],
    kind: str | None,
    stated: tuple[str, ...] | None,
    label_key: str | None,
) -> Classes:
    counts = Counter(value for value in values if value is not None)
    if counts:
        return find_classes(counts, stated, where=f"the labels of the .{kind} members")
    if label_key:
        raise RequestError(
            f"the key {label_key} in .json members of samples",
            found="none",
            mend="correct source.label_key",
        )
    if kind is not None:
        keys = f": no key {', '.join(JSON_KEYS)}" if kind == "json" else ""
        log.warning("the .%s members of the samples say no class%s; all are of one", kind, keys)
    return unlabelled(stated, where="the samples")


def _candidate(member: Member, value: str | None, classes: Classes) -> Candidate:
    if not classes.labels:
        return Candidate(member, 0, fault_of(member))
    label = classes.label(value)
    reason = "no-label" if value is None else "unknown-label" if label < 0 else None
    return Candidate(member, label, reason or fault_of(member))


def _refuse_no_pictures(uris: Sequence[str], archives: list[Archive]) -> None:
    if any(archive.samples for archive in archives):
        return
    reasons = sum((archive.unused for archive in archives), Counter[str]())
    raise RequestError(
        f"samples with a picture, such as 0001.jpg, in {shown([printable(u) for u in uris])}",
        found=", ".join(f"{reason} {n}" for reason, n in sorted(reasons.items())) or "none",
        mend="correct source.train or source.test, or choose another source.format",
    )
