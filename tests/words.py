"""Texts for tests: a tokenizer of words, and sentences whose class a few words decide."""

from collections.abc import Iterable

import numpy as np

from sparkgen.config.tokenizer import TokenizerSection
from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.vocabulary import WORD, of_names

GOOD, BAD = ("good", "great", "lovely", "superb"), ("bad", "awful", "boring", "stupid")
OTHER = ("the", "a", "film", "story", "is", "was", "with", "of", "and", "actor", "scene", "it")


def tokenizer_of_words(words: Iterable[str]) -> Tokenizer:
    """A tokenizer of some words, with and without a space before, of a full stop, and of the unknown."""
    names = [form for word in dict.fromkeys(words) for form in (word, f" {word}")]
    return of_names([*names, ".", " ."], WORD, TokenizerSection(kind="words"), end=False)


def text_spec(tokenizer: Tokenizer, length: int = 16, classes: int = 2) -> DataSpec:
    return DataSpec(TokenRecord((length,), tokenizer.size, tokenizer), classes)


def opinions(count: int, *, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Sentences of 6 to 12 words, of which one or two say the class, 1 for good: and int32 (N,)."""
    random = np.random.default_rng(seed)
    labels = random.integers(0, 2, count).astype(np.int32)
    texts = []
    for label in labels:
        words = [str(word) for word in random.choice(OTHER, random.integers(6, 12))]
        for _ in range(random.integers(1, 3)):
            words[random.integers(len(words))] = str(random.choice(GOOD if label else BAD))
        texts.append(" ".join(words))
    return texts, labels


def tokens_of(texts: list[str], spec: DataSpec) -> np.ndarray:
    """The tokens of texts as a model sees them: int32 (N, T), padded."""
    assert spec.record.tokenizer is not None
    found = np.full((len(texts), *spec.shape), spec.record.values, np.int32)
    for row, tokens in zip(found, spec.record.tokenizer.encode_all(texts), strict=True):
        row[: len(tokens)] = tokens[: len(row)]
    return found
