"""Tokenizers: a text comes back as it was, and the library reads what we write."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from sparkgen.config.tokenizer import TokenizerSection
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.datasets.vocabulary import CHARACTER, STAND_IN, given, of_names, stand_in
from sparkgen.errors import RequestError
from sparkgen.ingest.texts.encode import Encoder
from sparkgen.ingest.texts.learn import tokenizer_of

HARD = [
    "",
    " ",
    "To be, or not to be: that is the question.\n",
    "a\r\nb\r\n\r\n\tc  d   e \n",
    "e\u0301 \u00e9 \u0915\u093f \u0e01\u0e33 a\u0327\u0301",
    "\U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f1eb\U0001f1f7 \U0001f600!",
    "\x01\x1b\x7f\x85\u2028\u00a0\ufeff",
    "<|endoftext|> <unk> [SEP] </s>",
    "don't can\u2019t 'quoted' 3.14 x_1 \u00df\u01c5",
]


def section(**keys: Any) -> TokenizerSection:
    return TokenizerSection.model_validate(keys)


def learned(texts: list[str] = HARD, *, end: bool = True, **keys: Any) -> Tokenizer:
    return tokenizer_of(texts, section(**keys), end=end)


@pytest.mark.parametrize("kind", ["characters", "words", "white_space", "bpe"])
@pytest.mark.parametrize("end", [False, True])
def test_a_text_comes_back_as_it_was(kind: str, end: bool) -> None:
    tokenizer = learned(kind=kind, end=end)
    encoder = Encoder(tokenizer, characters=kind == "characters")
    tokens, numbers, bad = encoder.encode(HARD, range(len(HARD)))
    assert (numbers, bad) == (list(range(len(HARD))), [])
    like_special = HARD.index("<|endoftext|> <unk> [SEP] </s>")
    for n, some in enumerate(tokens):
        if kind != "white_space" or n != like_special:
            assert tokenizer.decode(some) == HARD[n]
    assert (tokenizer.end is not None) == end
    assert all(tokenizer.end not in some for some in tokens)


def test_bytes_of_pairs_cover_every_text() -> None:
    tokenizer = learned(["abc"], kind="bpe", size=300)
    assert [tokenizer.decode(t) for t in tokenizer.encode_all(HARD, special=False)] == HARD


def test_the_table_of_characters_gives_the_tokens_of_the_library() -> None:
    for unknown in (False, True):
        tokenizer = learned(kind="characters", unknown=unknown)
        encoder = Encoder(tokenizer, characters=True)
        ours = encoder.encode(HARD, range(len(HARD))).tokens
        for mine, found in zip(ours, tokenizer.encode_all(HARD, special=False), strict=True):
            np.testing.assert_array_equal(mine, found)
    strange = ["\u03a9 a", "a"]
    ours = encoder.encode(strange, range(2)).tokens
    for mine, found in zip(ours, tokenizer.encode_all(strange, special=False), strict=True):
        np.testing.assert_array_equal(mine, found)
    assert tokenizer.unknown in ours[0]


def test_characters_are_numbered_by_their_code_points() -> None:
    tokenizer = learned(["hello\n", "a b"], kind="characters", end=False)
    assert [tokenizer.name(n) for n in range(tokenizer.size)] == list("\n abehlo")


def test_an_unknown_character_is_named_and_the_other_texts_stay() -> None:
    tokenizer = learned(["abc"], kind="characters", end=False)
    tokens, numbers, bad = Encoder(tokenizer, characters=True).encode(
        ["ab", "a\u03a9", "c"], [7, 8, 9]
    )
    assert [t.tolist() for t in tokens] == [[0, 1], [2]]
    assert numbers == [0, 2]
    assert [(b.position, b.reason) for b in bad] == [(8, "unknown-character-U+03A9")]


def test_an_unknown_word_is_lost_with_the_space_before_it() -> None:
    tokenizer = learned(["a b a c"], kind="words", size=100)
    assert tokenizer.decode(tokenizer.encode("a zebra b")) == "a<unk> b"


def test_words_between_white_space_keep_their_marks() -> None:
    text = "it 's -lrb- not -rrb- a film-maker 's film , is n't it ?"
    names = {}
    for kind in ("words", "white_space"):
        tokenizer = learned([text], kind=kind, size=100, end=False)
        names[kind] = [tokenizer.name(token).strip() for token in tokenizer.encode(text)]
        assert tokenizer.decode(tokenizer.encode(text)) == text
    assert names["white_space"] == text.split()
    assert names["words"] != text.split()


def test_a_word_that_is_written_like_a_special_token_is_unknown() -> None:
    tokenizer = learned(["<|endoftext|> a <unk>"], kind="white_space")
    found = tokenizer.encode_all(["<|endoftext|> a <unk>"], special=False)[0]
    assert [tokenizer.name(token) for token in found] == ["<unk>", " a", "<unk>"]
    assert tokenizer.decode(found) == "<unk> a<unk>"
    assert tokenizer.encode(tokenizer.decode(found)).tolist() == found.tolist()
    names = {tokenizer.name(token).strip() for token in range(tokenizer.size)}
    assert len(names) == tokenizer.size


def test_equally_frequent_words_are_taken_by_name() -> None:
    tokenizer = learned(["z y x w v"], kind="words", size=5, end=True)
    assert [tokenizer.name(n) for n in range(5)] == [" v", " w", " x", "<unk>", "<|endoftext|>"]


@pytest.mark.parametrize("kind", ["words", "white_space", "bpe"])
def test_every_process_makes_the_same_tokenizer(kind: str, tmp_path: Path) -> None:
    script = (
        "import sys, json\n"
        "from sparkgen.config.tokenizer import TokenizerSection\n"
        "from sparkgen.ingest.texts.learn import tokenizer_of\n"
        "texts = [' '.join(f'w{(i * 7919) % 613} x{i % 89}y' for i in range(k, k + 40))"
        " for k in range(400)]\n"
        f"made = tokenizer_of(texts, TokenizerSection(kind='{kind}', size=600), end=True)\n"
        "print(made.sha256, made.size)\n"
    )
    found = set()
    for threads, seed in (("1", "1"), ("2", "2"), ("4", "3")):
        env = {**os.environ, "RAYON_NUM_THREADS": threads, "PYTHONHASHSEED": seed}
        found.add(subprocess.check_output([sys.executable, "-c", script], env=env, text=True))
    assert len(found) == 1
    assert found.pop().split()[1] == "600"


def test_the_form_of_unicode_travels_with_the_tokenizer() -> None:
    tokenizer = learned(["\u00e9"], kind="characters", unicode="NFC", end=False)
    assert tokenizer.encode("e\u0301").tolist() == [0]


def test_widths_add_up_to_the_characters_and_bytes_of_a_text() -> None:
    for kind in ("characters", "words", "white_space", "bpe"):
        tokenizer = learned(kind=kind)
        characters, in_bytes = tokenizer.widths
        assert len(characters) == tokenizer.size + 1
        for text, tokens in zip(HARD, tokenizer.encode_all(HARD, special=False), strict=True):
            if tokenizer.unknown in tokens:
                continue
            assert characters[tokens].sum() == len(text)
            assert in_bytes[tokens].sum() == len(text.encode())
        assert characters[tokenizer.end] == in_bytes[tokenizer.size] == 0


def test_tokens_of_different_bytes_have_different_texts() -> None:
    tokenizer = learned(kind="bpe")
    texts = [tokenizer.text_of(token) for token in range(tokenizer.size)]
    assert len(set(texts)) == tokenizer.size
    halves = [number for number, text in enumerate(texts) if not text.isprintable()]
    assert len(halves) > 128
    for text, tokens in zip(HARD, tokenizer.encode_all(HARD, special=False), strict=True):
        whole = "".join(texts[token] for token in tokens)
        assert whole.encode(errors="surrogateescape").decode() == text
    characters = learned(["\ufffd \u00e9"], kind="words", size=9)
    assert characters.text_of(characters.encode("\ufffd")[0]) == "\ufffd"


def test_special_tokens_are_named_in_a_prompt_and_are_text_in_data() -> None:
    tokenizer = learned(kind="characters")
    assert tokenizer.encode("<|endoftext|>").tolist() == [tokenizer.end]
    assert len(tokenizer.encode_all(["<|endoftext|>"], special=False)[0]) == 13


def test_a_given_tokenizer_is_taken_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "tokenizer.json"
    path.write_text(learned(kind="bpe").json)
    assert given(section(path=str(path))) == learned(kind="bpe")
    path.write_text("{}")
    with pytest.raises(RequestError, match=r"tokenizer\.json"):
        given(section(path=str(path)))
    with pytest.raises(RequestError, match=r"correct the path"):
        given(section(path=str(tmp_path / "none.json")))


def test_a_stand_in_has_as_many_tokens_as_there_will_be_at_most() -> None:
    assert stand_in(section(kind="characters")).size == STAND_IN
    assert stand_in(section(kind="words", size=1000)).size == 1000
    assert stand_in(section(kind="bpe", size=300, end=False)).size == 300


def test_merges_are_written_in_the_form_that_all_releases_read() -> None:
    model = json.loads(learned(["low lower lowest"] * 4, kind="bpe", size=270).json)["model"]
    assert model["merges"]
    assert all(isinstance(pair, str) and pair.count(" ") == 1 for pair in model["merges"])
    assert list(model["vocab"].values()) == list(range(len(model["vocab"])))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({}, "either a kind or a path"),
        ({"kind": "words", "path": "x"}, "either a kind or a path"),
        ({"path": "x", "size": 9}, "size has no meaning for a tokenizer that path names"),
        ({"kind": "characters", "size": 9}, "size has no meaning for characters"),
        ({"kind": "words", "unknown": False}, "words need a token for unknown words"),
        ({"kind": "white_space", "unknown": False}, "white_space need a token for unknown words"),
        ({"kind": "bpe", "unknown": True}, "bpe needs no token"),
        ({"kind": "bpe", "size": 100}, "257 or more for bpe"),
    ],
)
def test_keys_that_do_not_fit_are_refused(keys: dict[str, Any], line: str) -> None:
    with pytest.raises(ValidationError, match=line):
        section(**keys)


def test_a_tokenizer_of_names_can_be_read_without_special_tokens() -> None:
    tokenizer = of_names("ab", CHARACTER, section(kind="characters"), end=False)
    assert (tokenizer.size, tokenizer.end, tokenizer.unknown) == (2, None, None)


@pytest.mark.parametrize(
    "keys",
    [{"kind": "characters"}, {"kind": "white_space"}, {"kind": "bpe"}, {"path": "x", "end": False}],
)
def test_a_section_can_be_read_as_it_is_written(keys: dict[str, Any]) -> None:
    assert section(**section(**keys).model_dump(mode="json")) == section(**keys)


def test_a_given_tokenizer_neither_cuts_nor_pads() -> None:
    values = json.loads(learned(["ab"], kind="characters", end=False).json)
    cut = {"direction": "Right", "max_length": 4, "strategy": "LongestFirst", "stride": 0}
    pad = {"strategy": {"Fixed": 9}, "direction": "Right", "pad_id": 1, "pad_type_id": 0,
           "pad_to_multiple_of": None, "pad_token": "b"}  # fmt: skip
    tokenizer = Tokenizer(json.dumps({**values, "truncation": cut, "padding": pad}))
    assert tokenizer.encode("abababab").tolist() == [0, 1] * 4
    assert tokenizer.encode("a").tolist() == [0]


def test_a_prompt_with_an_unknown_character_is_refused_by_its_name() -> None:
    with pytest.raises(RequestError, match=r"found 'Ω' \(U\+03A9\)"):
        learned(["ab"], kind="characters").encode("aΩb")
