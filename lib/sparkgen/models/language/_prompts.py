"""Prompts and stop sequences as tokens, and made tokens cut where their text ends."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.decoding.texts import LONGEST_PROMPT, LONGEST_STOP, MOST_STOPS
from sparkgen.errors import RequestError

Tokens = npt.NDArray[np.int32]


def tokenizer_of(spec: DataSpec) -> Tokenizer:
    """The tokenizer of the records of a language model.

    Raises:
        RequestError: they have none.
    """
    record = spec.record
    if isinstance(record, TokenRecord) and record.tokenizer is not None:
        return record.tokenizer
    raise RequestError(
        "tokens of a tokenizer for a language model",
        found="tokens without a meaning as text" if record.kind == "tokens" else record.kind,
        mend="ingest a text: see dataset.tokenizer",
    )


def first_token(tokenizer: Tokenizer) -> int:
    """What stands before a text without a prompt: the token that ends texts, a new line, or token 0."""
    if tokenizer.end is not None:
        return tokenizer.end
    line = tokenizer.encode("\n")
    return int(line[-1]) if len(line) else 0


def encoded(text: str, tokenizer: Tokenizer) -> Tokens:
    """The tokens of a prompt.

    Raises:
        RequestError: they are too many, or there are none for some of its characters.
    """
    tokens = tokenizer.encode(text)
    if len(tokens) > LONGEST_PROMPT:
        raise RequestError(
            f"a prompt of at most {LONGEST_PROMPT} tokens", found=str(len(tokens)), mend="cut it"
        )
    if tokenizer.unknown is None and tokenizer.decode(tokens) != text:
        raise RequestError(
            "a prompt of characters that the tokenizer knows",
            found=repr(text[:80]),
            mend="leave the others out",
        )
    return tokens


def stop_tokens(stops: Sequence[str], tokenizer: Tokenizer) -> list[list[int]]:
    """The tokens of stop sequences, by which drawing ends early.

    Raises:
        RequestError: they are too many, too long, empty, or no texts.
    """
    tokens = [tokenizer.encode(s).tolist() if isinstance(s, str) else [] for s in stops]
    if len(stops) > MOST_STOPS or not all(1 <= len(one) <= LONGEST_STOP for one in tokens):
        raise RequestError(
            f"at most {MOST_STOPS} texts of 1 to {LONGEST_STOP} tokens as sampling.options.stop",
            found=repr(list(stops))[:200],
            mend="correct it",
        )
    return tokens


def before_stop(tokens: Tokens, stops: Sequence[str], tokenizer: Tokenizer) -> Tokens:
    """The tokens of a row before padding, and before the first stop sequence in their text.

    A stop sequence may be written by other tokens than `stop_tokens` gives, or begin within a token. So
    the text decides: kept are the most tokens whose text has nothing of it.
    """
    ended = np.flatnonzero(tokens >= tokenizer.size)
    tokens = tokens[: ended[0]] if ended.size else tokens
    text = tokenizer.decode(tokens) if stops else ""
    found = [at for stop in stops if (at := text.find(stop)) >= 0]
    if not found:
        return tokens
    low, high = 0, len(tokens)  # the texts of beginnings grow with them
    while low < high:
        middle = (low + high + 1) // 2
        if len(tokenizer.decode(tokens[:middle])) <= min(found):
            low = middle
        else:
            high = middle - 1
    return tokens[:low]


def padded(rows: Sequence[Tokens], padding: int) -> Tokens:
    """Rows of tokens as one array (B, L), L at least 1."""
    length = max(1, *(len(row) for row in rows))
    tokens = np.full((len(rows), length), padding, np.int32)
    for number, row in enumerate(rows):
        tokens[number, : len(row)] = row
    return tokens
