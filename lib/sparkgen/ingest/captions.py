"""Makes the captions of pictures: those that stand beside them, or written of what is measured in them.

While blocks are parsed, captions are texts, and each block counts its words (`BlockCaptions`). When all
blocks are parsed the driver makes the tokenizer of the most frequent words, and captions become tokens
where rows are dealt to files.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.config.captions import CaptionsSection, Thresholds
from sparkgen.config.dataset import DatasetConfig
from sparkgen.datasets.captions import word_tokenizer
from sparkgen.datasets.strokes import measure
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.errors import RequestError
from sparkgen.noise import NoiseSpec, Stream, row_noise

VOWELS = "aeiou"
AS_CONSONANTS = ("one", "uni", "eu")  # how words begin that are spoken as if by a consonant
MOST_BYTES = 1 << 16  # of one caption
OMITTED = NoiseSpec((3,), "uniform")  # of width, slant and size


class BlockCaptions(NamedTuple):
    """The captions of a block in numbers, as JSON says it."""

    words: dict[str, int]
    """How often each word stands there."""
    empty: int
    """Captions without a word."""
    long: int
    """Captions of more words than there is room for."""
    left_out: int
    """Rows whose caption is one that is to be left out."""


class CaptionRule(NamedTuple):
    """How the captions of a version are made."""

    config: CaptionsSection
    names: tuple[str, ...]
    """What the classes are called."""
    shape: tuple[int, ...]
    """Of a picture."""
    seed: int

    def drawn(
        self,
        labels: npt.NDArray[np.int32],
        data: npt.NDArray[np.uint8],
        digests: npt.NDArray[np.uint64],
    ) -> tuple[list[str], npt.NDArray[np.bool_]]:
        """The captions of N pictures, and which of the pictures stay: a function of each picture alone.

        Args:
            labels: (N,).
            data: (N, H * W * C).
            digests: of the pictures' bytes, (N,).
        """
        config, strokes = self.config, measure(data.reshape(-1, *self.shape))
        words = [
            _words(config.width, strokes.stroke_width, ("thin", "medium", "thick")),
            _words(config.slant, strokes.slant, ("leaning left", "upright", "leaning right")),
            _words(config.size, strokes.size, ("small", "", "large")),
        ]
        # Half of each digest, as coordinates of the noise are numbers below 2^63.
        halves = (digests >> np.uint64(1)).tolist()
        chance = row_noise(OMITTED, halves, seed=self.seed, stream=Stream.INGEST, name="captions")
        captions, stays = [], []
        phrases = [set(phrase.split()) for phrase in config.leave_out]
        for row, label in enumerate(labels.tolist()):
            said = [one[row] for one in words]
            whole = set(_sentence(self.names[label], *said).split())
            stays.append(not any(phrase <= whole for phrase in phrases))
            kept = [
                "" if u < config.omit else one for one, u in zip(said, chance[row], strict=True)
            ]
            captions.append(_sentence(self.names[label], *kept))
        return captions, np.array(stays, np.bool_)


def text_of(data: bytes) -> tuple[str | None, str | None]:
    """A caption in UTF-8, or the reason against it."""
    if len(data) > MOST_BYTES:
        return None, "caption-too-long"
    try:
        return data.decode("utf-8-sig"), None
    except UnicodeDecodeError:
        return None, "caption-not-utf-8"


def caption_rule(dataset: DatasetConfig, class_names: Sequence[str]) -> CaptionRule | None:
    """How a dataset's captions are made; None: it has none."""
    if dataset.captions is None:
        return None
    names = dataset.captions.names or tuple(class_names)
    return CaptionRule(dataset.captions, names, dataset.shape, dataset.seed)


def summed(captions: Sequence[str], length: int, left_out: int) -> BlockCaptions:
    """The captions of a block in numbers.

    Args:
        captions: of the rows that stay.
        length: the most words of one.
        left_out: rows that do not.
    """
    cut = word_tokenizer([])
    words = [cut.pieces(caption) for caption in captions]
    return BlockCaptions(
        dict(Counter(word for some in words for word in some)),
        empty=sum(not some for some in words),
        long=sum(len(some) > length for some in words),
        left_out=left_out,
    )


def joined(parsed: Iterable[Any]) -> BlockCaptions:
    """The captions of all blocks in numbers, from their summaries."""
    words: Counter[str] = Counter()
    counts = np.zeros(3, np.int64)
    for block in parsed:
        if block.captions is not None:
            found = BlockCaptions(*block.captions)
            words.update(found.words)
            counts += found[1:]
    return BlockCaptions(dict(words), *counts.tolist())


def tokenizer_of(config: CaptionsSection, found: BlockCaptions) -> Tokenizer:
    """The tokenizer of the most frequent words; of equally frequent ones, the first by code points.

    Raises:
        RequestError: there are no words.
    """
    if not found.words:
        raise RequestError(
            f"words in the captions of dataset.captions, {config.kind}",
            found=f"{found.empty} captions without any",
            mend="correct the source, or remove dataset.captions",
        )
    ranked = sorted(found.words, key=lambda word: (-found.words[word], word))
    return word_tokenizer(sorted(ranked[: config.words]))


def without_token(config: CaptionsSection, found: BlockCaptions) -> int:
    """How many words stand in captions that are too rare to have a token."""
    counts = sorted(found.words.values(), reverse=True)
    return sum(counts[config.words :])


def to_bytes(captions: Sequence[str] | None) -> npt.NDArray[np.uint8]:
    """Captions on their way to a file."""
    data = b"" if captions is None else json.dumps(captions).encode()
    return np.frombuffer(data, np.uint8)


def from_bytes(data: bytes) -> list[str]:
    """The inverse of `to_bytes`."""
    return list(json.loads(data)) if data else []


def _words(
    thresholds: Thresholds | None, values: npt.NDArray[np.float64], words: tuple[str, str, str]
) -> list[str]:
    if thresholds is None:
        return [""] * len(values)
    return [words[n] for n in np.searchsorted(thresholds, values, side="right")]


def _sentence(name: str, width: str, slant: str, size: str) -> str:
    before, after = (slant, "") if slant == "upright" else ("", slant)
    words = [word for word in (size, width, before, name, after) if word]
    return f"{_article(words[0])} {' '.join(words)}"


def _article(word: str) -> str:
    spoken_as_vowel = word[0] in VOWELS and not word.startswith(AS_CONSONANTS)
    return "an" if spoken_as_vowel else "a"
