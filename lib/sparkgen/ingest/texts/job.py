"""Runs the passes over the texts of a source, and gives its shares of work."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sparkgen.config.dataset import NO_CLASSES, DatasetConfig
from sparkgen.datasets.records import record_of
from sparkgen.datasets.tokens import TokenRecord
from sparkgen.errors import RequestError
from sparkgen.ingest.class_values import Classes, find_classes
from sparkgen.ingest.source import Files, Work
from sparkgen.ingest.texts.chain import Rest, RestShare, Run, chain_shares, encode_share
from sparkgen.ingest.texts.chunk import ChunkShare
from sparkgen.ingest.texts.divide import Count, Shares, count, divide
from sparkgen.ingest.texts.learn import learn, on_executors
from sparkgen.ingest.texts.plan import Plan
from sparkgen.ingest.texts.single import SingleShare

log = logging.getLogger(__name__)


class Manner(NamedTuple):
    """What is to be done with texts.

    `blocks`: documents are joined. `at_end`: what is held out is the end. `joined`: there is more than
    one document to join. `labelled`: texts have labels, found in `where`. `one`: all files of a split are
    one document.
    """

    blocks: bool
    at_end: bool
    joined: bool
    labelled: bool
    where: str
    one: bool = False


def text_work(
    dataset: DatasetConfig,
    files: Files,
    shares: Sequence[ChunkShare],
    manner: Manner,
    *,
    tasks: int,
    scratch: str,
) -> Work:
    """The shares of work of texts.

    Args:
        dataset: the configuration, with a tokenizer.
        files: of each split.
        shares: of the texts.
        manner: what is done with them.
        tasks: how many run at a time.
        scratch: URI of a folder for tokens.

    Raises:
        RequestError: no text to make a tokenizer from, or labels that mean no classes.
        IngestError: a file cannot be read.
    """
    counts = on_executors(_counted, shares)
    plan = _plan(dataset, files, shares, manner, counts, scratch=scratch)
    log.info("the tokenizer of %s has %d tokens", dataset.name, plan.tokenizer.size)
    record = record_of(dataset, plan.tokenizer)
    assert isinstance(record, TokenRecord)
    empty = sum(one.empty for one in counts)
    work = Work(
        [SingleShare(share, plan) for share in shares],
        {"empty-document": empty} if empty else {},
        class_names=NO_CLASSES if plan.classes is None else plan.classes.names,
        record=record,
        divided=True,
    )
    return work if not manner.blocks else _joined(work, files, shares, plan, record, tasks, scratch)


def _plan(
    dataset: DatasetConfig,
    files: Files,
    shares: Sequence[ChunkShare],
    manner: Manner,
    counts: Sequence[Count],
    *,
    scratch: str,
) -> Plan:
    """How the counted texts are divided, and by which tokenizer they become tokens."""
    section = dataset.tokenizer
    assert section is not None  # as the source has checked
    validation = 0.0 if "validation" in files else dataset.validation_fraction
    fractions = Shares(dataset.test_fraction, validation, manner.at_end, dataset.seed)
    division = divide(counts, fractions, one=manner.one)
    sizes = {one.key: one.characters for one in counts if one.key[0] == "train"}
    joined = manner.joined if manner.blocks else not manner.labelled
    tokenizer = learn(
        section, shares, division, sizes, end=joined, seed=dataset.seed, scratch=scratch
    )
    ends = joined if section.end is None else section.end
    return Plan(
        division,
        tokenizer,
        section.kind == "characters",
        dataset.shape[0],
        tokenizer.end if ends else None,
        _classes(dataset, counts, manner) if manner.labelled else None,
    )


def _joined(
    work: Work,
    files: Files,
    shares: Sequence[ChunkShare],
    plan: Plan,
    record: TokenRecord,
    tasks: int,
    scratch: str,
) -> Work:
    """The shares of work of joined documents, whose tokens are now written."""

    def run(share: ChunkShare) -> Iterator[Run | Rest]:
        yield from encode_share(share, plan, f"{scratch}/tokens")

    found = on_executors(run, shares)
    runs = sorted((one for one in found if isinstance(one, Run)), key=lambda run: run.key)
    rests = sorted(one for one in found if isinstance(one, Rest))
    each = max(1, -(-len(rests) // tasks))
    of_rests = [
        RestShare(tuple(rests[first : first + each]), record)
        for first in range(0, len(rests), each)
    ]
    documents: Counter[str] = Counter()
    chains = []
    for split in dict.fromkeys(run.split for run in runs):
        some = [run for run in runs if run.split == split]
        documents[split] = sum(run.documents for run in some) + _unended(some, plan)
        file = len(files.get(split, ()))
        chains += chain_shares(split, file, some, record, tasks=tasks)
    return work._replace(shares=[*of_rests, *chains], documents=dict(documents))


def _unended(runs: Sequence[Run], plan: Plan) -> int:
    """1 where the last document of a split goes on in the next one, which has its end."""
    last = max(runs, key=lambda run: run.key)
    return int(last.tokens > 0 and not last.documents and last.key not in plan.division.ends)


def _counted(share: ChunkShare) -> Iterator[Count]:
    for chunk in share.chunks():
        yield count(chunk)


def _classes(dataset: DatasetConfig, counts: Sequence[Count], manner: Manner) -> Classes:
    values: Counter[str] = Counter()
    for one in counts:
        values.update(one.labels)
    if not values:
        raise RequestError(
            f"texts with labels in {manner.where}",
            found="none",
            mend="correct the dataset's source",
        )
    return find_classes(values, dataset.class_names, where=f"the labels of {manner.where}")
