"""Makes tokenizers: of characters, of words, of pairs of bytes, and stand-ins for those to come."""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sparkgen.config.tokenizer import OF_WORDS, TokenizerSection
from sparkgen.datasets.storage import read_bytes
from sparkgen.datasets.tokenizer import END_TOKENS, UNKNOWN_TOKENS, Tokenizer
from sparkgen.errors import RequestError

END, UNKNOWN = END_TOKENS[0], UNKNOWN_TOKENS[0]
RESERVED = {*END_TOKENS, *UNKNOWN_TOKENS}
CHARACTER = r"[\s\S]"
WORD = r" ?[\p{L}\p{M}\p{N}_]+(?:['’][\p{L}\p{M}]+)*| ?[^\s\p{L}\p{M}\p{N}_]|\s"
"""A word with its apostrophes, or another mark, each with one space before it; or one character of white
space. So the tokens of a text, one after the other, are the text."""
SPACED = r" ?\S+|\s"
"""What stands between white space, with one space before it; or one character of white space."""
PATTERNS = {"characters": CHARACTER, "words": WORD, "white_space": SPACED}
"""Of a token, by the kind of tokenizer."""
STAND_IN = 256  # characters of a tokenizer whose text is not read yet


def of_names(
    names: Iterable[str], pattern: str, section: TokenizerSection, *, end: bool
) -> Tokenizer:
    """The tokenizer whose tokens 0, 1, ... are some characters or words.

    Args:
        names: theirs; a word that is written like a special token, with or without a space before it, is
            left out, and so unknown.
        pattern: the regular expression of a token.
        section: says the form of Unicode, and whether there is a token for what is unknown.
        end: whether there is a token for the end of a text.
    """
    unknown = has_unknown(section)
    special = [UNKNOWN] * unknown + [END] * end
    vocabulary = [name for name in names if name.removeprefix(" ") not in RESERVED]
    model = {
        "type": "WordLevel",
        "vocab": {name: n for n, name in enumerate([*vocabulary, *special[:unknown]])},
        "unk_token": UNKNOWN,
    }
    split = {
        "type": "Split",
        "pattern": {"Regex": pattern},
        "behavior": "Isolated",
        "invert": False,
    }
    return _tokenizer(model, split, {"type": "Fuse"}, section, len(vocabulary), special)


def of_pairs(
    vocabulary: Mapping[str, int],
    merges: Sequence[str],
    section: TokenizerSection,
    *,
    end: bool,
) -> Tokenizer:
    """The byte-level tokenizer of some pairs.

    Args:
        vocabulary: the number of each token.
        merges: the pairs in the order in which they are joined, each with a space between, as all
            releases of the library read them.
        section: says the form of Unicode.
        end: whether there is a token for the end of a text.
    """
    model = {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "vocab": dict(sorted(vocabulary.items(), key=lambda item: item[1])),
        "merges": list(merges),
    }
    level = {
        "type": "ByteLevel",
        "add_prefix_space": False,
        "trim_offsets": True,
        "use_regex": True,
    }
    return _tokenizer(model, level, level, section, len(vocabulary), [END] * end)


def has_unknown(section: TokenizerSection) -> bool:
    """Whether there is a token for what is unknown."""
    return section.unknown or section.kind in OF_WORDS


def given(section: TokenizerSection) -> Tokenizer:
    """The tokenizer at `path`.

    Raises:
        RequestError: there is none.
    """
    try:
        tokenizer = Tokenizer(read_bytes(str(section.path)).decode())
        _ = tokenizer.size
    except (OSError, ValueError) as error:
        raise RequestError(
            f"a tokenizer.json at {section.path}, dataset.tokenizer.path",
            found=" ".join(str(error).split()),
            mend="correct the path",
        ) from None
    return tokenizer


def stand_in(section: TokenizerSection) -> Tokenizer:
    """A tokenizer for checks before the text is read: of as many tokens as there will be at most.

    Of characters nobody knows how many there will be.

    Raises:
        RequestError: there is none at `path`.
    """
    if section.path is not None:
        return given(section)
    size = STAND_IN if section.kind == "characters" else section.most
    names = [chr(32 + n) for n in range(95)]
    end, unknown = section.end is not False, has_unknown(section)
    names += [f"stand-in {n}" for n in range(size - len(names) - end - unknown)]
    return of_names(names[: max(1, size - end - unknown)], CHARACTER, section, end=end)


def _tokenizer(
    model: dict[str, Any],
    split: dict[str, Any],
    decoder: dict[str, Any],
    section: TokenizerSection,
    first: int,
    special: Sequence[str],
) -> Tokenizer:
    """A tokenizer.json, whose special tokens are numbered from `first`."""
    added = [
        {
            "id": first + n,
            "content": name,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for n, name in enumerate(special)
    ]
    whole = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added,
        "normalizer": None if section.unicode == "none" else {"type": section.unicode},
        "pre_tokenizer": split,
        "post_processor": None,
        "decoder": decoder,
        "model": model,
    }
    return Tokenizer(json.dumps(whole, ensure_ascii=False, indent=1) + "\n")
