"""Defines the tokenizer: what the numbers of token records mean as text.

It is a `tokenizer.json` of the library `tokenizers` (Hugging Face): characters, words, byte-level pairs,
or whatever that library reads. It lies in the dataset version and travels with every model of it, so that
a text means the same tokens in training and in use.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from sparkgen.datasets.files import digest
from sparkgen.errors import RequestError

END_TOKENS = ("<|endoftext|>", "<|end_of_text|>", "</s>", "<eos>", "[SEP]")
"""The names of the token that ends a text, of which a tokenizer has at most one in use."""
UNKNOWN_TOKENS = ("<unk>", "[UNK]", "<|unknown|>")


def _bytes_by_character() -> dict[str, int]:
    """The bytes 0 to 255 by the characters with which byte-level tokenizers write them.

    Printable bytes of Latin-1 are written as themselves, the others as U+0100, U+0101, ... in order.
    """
    themselves = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = [byte for byte in range(256) if byte not in themselves]
    return {chr(byte): byte for byte in themselves} | {
        chr(256 + n): byte for n, byte in enumerate(others)
    }


BYTES = _bytes_by_character()
CONTINUING = frozenset(character for character, byte in BYTES.items() if 128 <= byte < 192)
"""Those of bytes that begin no character."""


@dataclass(frozen=True)
class Tokenizer:
    """A `tokenizer.json`. Two are equal when their texts are."""

    json: str

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the file, 64 hex digits."""
        return digest(self.json.encode())

    @cached_property
    def size(self) -> int:
        """The number of tokens V; they are numbered 0 .. V - 1."""
        return int(self._library.get_vocab_size(with_added_tokens=True))

    @cached_property
    def end(self) -> int | None:
        """The number of the token that ends a text; None: there is none."""
        return self._first(END_TOKENS)

    @cached_property
    def unknown(self) -> int | None:
        """The number of the token for what has no other; None: there is none."""
        return self._first(UNKNOWN_TOKENS)

    def encode(self, text: str) -> npt.NDArray[np.int32]:
        """The tokens of a text: int32 (T,)."""
        return self.encode_all([text])[0]

    def encode_all(
        self, texts: Sequence[str], *, special: bool = True
    ) -> list[npt.NDArray[np.int32]]:
        """The tokens of several texts, by as many threads as the library takes.

        Args:
            texts: any.
            special: names of special tokens in a text, such as `<|endoftext|>`, mean these tokens; else
                they are text like any other.

        Raises:
            RequestError: a text has what no token stands for.
        """
        library = self._library if special else self._plain
        # Libraries before 0.20 have the slower one only, which also finds where each token stands.
        encode = getattr(library, "encode_batch_fast", library.encode_batch)
        try:
            found = encode(list(texts), add_special_tokens=False)
        except Exception as error:  # the library raises nothing more exact
            raise RequestError(
                "texts of what the tokenizer has tokens for",
                found=self._without_token("".join(texts)) or str(error),
                mend="correct them",
            ) from None
        return [np.array(one.ids, np.int32) for one in found]

    def pieces(self, text: str) -> list[str]:
        """The pieces of a text, such as its words, before each is looked up or divided further."""
        library = self._library
        if library.normalizer is not None:
            text = library.normalizer.normalize_str(text)
        if library.pre_tokenizer is None:
            return [text]
        return [piece for piece, _ in library.pre_tokenizer.pre_tokenize_str(text)]

    def spans(self, text: str) -> list[tuple[int, int, int]]:
        """The tokens of a text with where in it each begins and ends, in characters."""
        found = self._library.encode(text, add_special_tokens=False)
        return [(n, *span) for n, span in zip(found.ids, found.offsets, strict=True)]

    def for_pairs(self, length: int, *, overlap: int) -> Any:
        """The library's object that puts two texts behind each other, and cuts the second one in windows.

        Args:
            length: tokens of a window, the first text included.
            overlap: tokens of the second text that neighbouring windows share.
        """
        library = self._read()
        library.enable_truncation(length, stride=overlap, strategy="only_second")
        return library

    def decode(self, tokens: Iterable[int]) -> str:
        """The text of tokens; bytes that are no UTF-8 become U+FFFD."""
        return str(self._library.decode(list(map(int, tokens)), skip_special_tokens=False))

    def text_of(self, token: int) -> str:
        """The text of one token, unlike that of any other token that does not mean the same bytes.

        Bytes that are no UTF-8, such as a part of a character, are lone surrogates, as Python has it.
        """
        text, name = self.decode([token]), self.name(token)
        if "\ufffd" not in text or not BYTES.keys() >= set(name):
            return text
        return bytes(BYTES[character] for character in name).decode(errors="surrogateescape")

    def name(self, token: int) -> str:
        """How the tokenizer writes a token, such as `Ġthe`."""
        return str(self._library.id_to_token(token))

    def number(self, name: str) -> int | None:
        """The token of a name; None: there is none."""
        found = self._library.token_to_id(name)
        return None if found is None else int(found)

    def _without_token(self, text: str) -> str | None:
        """The first character that has no token, with its number; None: each has one."""
        for character in dict.fromkeys(text):
            try:
                self._plain.encode(character, add_special_tokens=False)
            except Exception:  # the library raises nothing more exact
                return f"{character!r} (U+{ord(character):04X})"
        return None

    @cached_property
    def widths(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """The characters and the bytes of UTF-8 that each token adds to a text: int64 (V + 1,) each.

        Of a character whose bytes are in several tokens, the one with its first byte counts it. Special
        tokens, such as the end of a text, and padding, which is the last entry, have none.
        """
        tables = np.zeros((2, self.size + 1), np.int64)
        by_bytes = '"ByteLevel"' in json.dumps(json.loads(self.json).get("decoder"))
        for token in set(range(self.size)) - self._special:
            if by_bytes:
                first = [c for c in self.name(token) if c not in CONTINUING]
                tables[:, token] = len(first), len(self.name(token))
            else:
                text = self.decode([token])
                tables[:, token] = len(text), len(text.encode())
        return tables[0], tables[1]

    @cached_property
    def _special(self) -> set[int]:
        return {entry["id"] for entry in json.loads(self.json)["added_tokens"] if entry["special"]}

    def _first(self, names: Iterable[str]) -> int | None:
        return next((n for name in names if (n := self.number(name)) is not None), None)

    @cached_property
    def _plain(self) -> Any:
        """The library's object that takes the names of special tokens as text."""
        library = self._read()
        library.encode_special_tokens = True
        return library

    @cached_property
    def _library(self) -> Any:
        """The library's object. It is made anew in every process: what travels is the text."""
        return self._read()

    def _read(self) -> Any:
        """The library's object, which cuts and pads nothing."""
        try:
            import tokenizers  # type: ignore[import-not-found, unused-ignore]
        except ImportError:
            raise RequestError(
                "the package tokenizers, which reads a tokenizer",
                found="none installed",
                mend="pip install tokenizers",
            ) from None
        try:
            library = tokenizers.Tokenizer.from_str(self.json)
        except Exception as error:  # the library raises nothing more exact
            raise RequestError(
                "a tokenizer.json of the library tokenizers", found=str(error), mend="correct it"
            ) from None
        library.no_truncation()  # as files of networks have it, with the length of theirs
        library.no_padding()
        return library

    def __getstate__(self) -> dict[str, Any]:
        return {"json": self.json}
