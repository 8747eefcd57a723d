"""Captions say in words what pictures show. They stand beside them as tokens, a token a word.

The tokenizer knows the words of the captions of its data set. Case and punctuation do not matter, and
words that it does not know are left out.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.tokenizer import UNKNOWN_TOKENS, Tokenizer
from sparkgen.datasets.tokens import TokenRecord

UNKNOWN = UNKNOWN_TOKENS[0]
WORD = r"[\p{L}\p{M}\p{N}]+(?:['’-][\p{L}\p{M}\p{N}]+)*"


class EncodedCaptions(NamedTuple):
    """N captions as tokens."""

    tokens: npt.NDArray[np.int32]
    """(N, T): those of the words, then padding."""
    unknown: list[Counter[str]]
    """The words of each caption that have no token and were left out, and how often each stood there."""
    cut: npt.NDArray[np.bool_]
    """(N,): whether words at the end were left out because there were more than T."""


def word_tokenizer(words: Iterable[str]) -> Tokenizer:
    """The tokenizer of words in lower case, the tokens 0, 1, ...; one more stands for all others."""
    names = [*words, UNKNOWN]
    whole: dict[str, Any] = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": [{"type": "NFC"}, {"type": "Lowercase"}]},
        "pre_tokenizer": {
            "type": "Split",
            "pattern": {"Regex": WORD},
            "behavior": "Removed",
            "invert": True,
        },
        "post_processor": None,
        "decoder": None,
        "model": {
            "type": "WordLevel",
            "vocab": {name: number for number, name in enumerate(names)},
            "unk_token": UNKNOWN,
        },
    }
    return Tokenizer(json.dumps(whole, ensure_ascii=False, indent=1) + "\n")


def caption_form(tokenizer: Tokenizer, length: int) -> TokenRecord:
    """The form of captions of at most `length` tokens."""
    return TokenRecord((length,), tokenizer.size, tokenizer)


def encode_captions(texts: Sequence[str], form: TokenRecord) -> EncodedCaptions:
    """Captions as tokens: those of their first T words, without the words that have none.

    Args:
        texts: N of them.
        form: theirs.
    """
    tokenizer, length = form.tokenizer, form.shape[0]
    if tokenizer is None:
        raise ValueError("captions have a tokenizer")
    tokens = np.full((len(texts), length), tokenizer.size, np.int32)
    unknown: list[Counter[str]] = []
    cut = np.zeros(len(texts), np.bool_)
    for row, text in enumerate(texts):
        words = tokenizer.pieces(text)
        found = [(word, tokenizer.number(word)) for word in words[:length]]
        known = [number for _, number in found if number is not None]
        tokens[row, : len(known)] = known
        unknown.append(Counter(word for word, number in found if number is None))
        cut[row] = len(words) > length
    return EncodedCaptions(tokens, unknown, cut)
