"""Makes the tokenizer of a data set from its training split.

The result depends on the text alone: characters are sorted, words and pairs of bytes are counted, and
ties are broken by name. It does not depend on the number of tasks or threads.
"""

import json
import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from pyspark.sql import SparkSession

from sparkgen.config.tokenizer import OF_WORDS, TokenizerSection
from sparkgen.datasets.storage import read_bytes, write_bytes
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.vocabulary import PATTERNS, given, of_names, of_pairs
from sparkgen.errors import RequestError
from sparkgen.ingest.texts.chunk import Chunk, ChunkShare, Key
from sparkgen.ingest.texts.divide import Division
from sparkgen.noise import Stream, generator
from sparkgen.tasks import run_each


def active_session() -> SparkSession | None:
    """The Spark session of this process; None: everything runs here."""
    return SparkSession.getActiveSession()


def on_executors(
    run: Callable[[ChunkShare], Iterator[Any]], shares: Sequence[ChunkShare]
) -> list[Any]:
    """What a function gives for all shares, on the executors where there are some."""
    spark = active_session()
    if spark is None:
        return [found for share in shares for found in run(share)]
    return run_each(spark, run, shares)


def learn(
    section: TokenizerSection,
    shares: Sequence[ChunkShare],
    division: Division,
    sizes: dict[Key, int],
    *,
    end: bool,
    seed: int,
    scratch: str,
) -> Tokenizer:
    """The tokenizer of a data set.

    Args:
        section: says of what kind.
        shares: all of the source.
        division: says what of it is for training.
        sizes: the characters of each chunk of the training source.
        end: whether there is a token for the end of a text, where `section` does not say it.
        seed: chooses what words and pairs are counted in.
        scratch: URI of a folder for the texts that they are counted in.

    Raises:
        RequestError: there is none at `path`, it lacks a token for the end that is needed, or there is no
            text to make one from.
    """
    end = end if section.end is None else section.end
    if section.path is not None:
        tokenizer = given(section)
        if section.end and tokenizer.end is None:
            raise RequestError(
                "a token for the end of a text in dataset.tokenizer.path",
                found="none of a usual name",
                mend="set dataset.tokenizer.end to false, or add one to the file",
            )
        return tokenizer
    if section.kind == "characters":
        texts = _characters(shares, division)
    else:
        texts = _sample(shares, division, chosen(sizes, section.sample, seed=seed), scratch)
    if not any(texts):
        raise RequestError(
            "text in the training split, of which a tokenizer is made",
            found="none",
            mend="correct the dataset's source",
        )
    return tokenizer_of(texts, section, end=end)


def tokenizer_of(texts: Sequence[str], section: TokenizerSection, *, end: bool) -> Tokenizer:
    """The tokenizer of some texts.

    Args:
        texts: all that it is made from.
        section: says of what kind.
        end: whether there is a token for the end of a text.
    """
    if section.kind == "characters":
        return of_names(sorted(set("".join(texts))), PATTERNS["characters"], section, end=end)
    return (_words if section.kind in OF_WORDS else _pairs)(texts, section, end=end)


def chosen(sizes: dict[Key, int], most: int, *, seed: int) -> set[Key]:
    """The chunks that a sample is taken from: all, or random ones up to a size, at least one."""
    keys = sorted(sizes)
    order = generator(seed, Stream.INGEST, "tokenizer").permutation(len(keys))
    if sum(sizes.values()) <= most:
        return set(keys)
    ends = np.cumsum([sizes[keys[n]] for n in order])
    return {keys[n] for n in order[: max(1, int(np.searchsorted(ends, most, side="right")))]}


def _characters(shares: Sequence[ChunkShare], division: Division) -> list[str]:
    """Texts with all characters of the training split."""

    def read(share: ChunkShare) -> Iterator[str]:
        found: set[str] = set()
        for chunk in share.chunks():
            for text in _trained(chunk, division):
                found.update(text)
        yield "".join(sorted(found))

    return on_executors(read, shares)


def _sample(
    shares: Sequence[ChunkShare], division: Division, keys: set[Key], scratch: str
) -> list[str]:
    """The texts of some chunks that are for training, in the order of the source."""

    def read(share: ChunkShare) -> Iterator[tuple[Key, str]]:
        for chunk in share.chunks():
            if chunk.key in keys:
                uri = f"{scratch}/sample/{uuid.uuid4().hex}.json"
                write_bytes(uri, json.dumps(list(_trained(chunk, division))).encode())
                yield chunk.key, uri

    found = sorted(on_executors(read, shares))
    return [text for _, uri in found for text in json.loads(read_bytes(uri))]


def _trained(chunk: Chunk, division: Division) -> Iterator[str]:
    for piece in division.pieces(chunk):
        if piece.split == "train":
            yield from piece.texts


def _words(texts: Sequence[str], section: TokenizerSection, *, end: bool) -> Tokenizer:
    """The most frequent words; of equally frequent ones the first by name."""
    from tokenizers import Regex, Tokenizer, models, pre_tokenizers, trainers

    pattern = PATTERNS[str(section.kind)]
    library = Tokenizer(models.WordLevel(unk_token="<unk>"))
    library.pre_tokenizer = pre_tokenizers.Split(Regex(pattern), "isolated")
    size = section.most - 1 - end
    trainer = trainers.WordLevelTrainer(vocab_size=size, show_progress=False, special_tokens=[])
    library.train_from_iterator(texts, trainer)
    vocabulary = library.get_vocab(with_added_tokens=False)
    return of_names(sorted(vocabulary, key=vocabulary.__getitem__), pattern, section, end=end)


def _pairs(texts: Sequence[str], section: TokenizerSection, *, end: bool) -> Tokenizer:
    """All bytes, and the pairs that are neighbours most often."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    library = Tokenizer(models.BPE())
    library.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=section.most - end,
        show_progress=False,
        special_tokens=[],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
    )
    library.train_from_iterator(texts, trainer)
    model = json.loads(library.to_str())["model"]
    merges = [pair if isinstance(pair, str) else " ".join(pair) for pair in model["merges"]]
    return of_pairs(model["vocab"], merges, section, end=end)
