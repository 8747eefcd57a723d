"""Token records with a tokenizer, and the texts that are made of them."""

import hashlib
import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tokenizers
from tokenizers import decoders, models

from sparkgen.datasets.manifest import (
    TOKENIZER,
    Manifest,
    content_version,
    described,
    read_manifest,
    write_manifest,
)
from sparkgen.datasets.record_entry import RecordEntry
from sparkgen.datasets.records import TextRecord, TokenRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.errors import ManifestError


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    """Of the characters of one text, numbered from 0 in their order."""
    alphabet = {character: n for n, character in enumerate("\n abcé😀")}
    made = tokenizers.Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    made.decoder = decoders.Fuse()
    return Tokenizer(made.to_str())


def test_a_text_comes_back_from_its_tokens(tokenizer: Tokenizer) -> None:
    text = "a é😀\nb  c\n"
    assert tokenizer.size == 7
    assert tokenizer.end is None
    assert tokenizer.encode(text).tolist() == [2, 1, 5, 6, 0, 3, 1, 1, 4, 0]
    assert tokenizer.decode(tokenizer.encode(text)) == text
    assert pickle.loads(pickle.dumps(tokenizer)) == tokenizer


def test_padding_is_one_more_than_the_last_token_and_no_text(tokenizer: Tokenizer) -> None:
    record = TokenRecord((4,), 7, tokenizer)
    assert (record.padding, record.dtype) == (7, np.uint8)
    assert TokenRecord((4,), 256, tokenizer).dtype == np.uint16
    assert TokenRecord((4,), 256).dtype == np.uint8
    tokens = np.array([[2, 3, 7, 7], [4, 7, 2, 2]])
    np.testing.assert_array_equal(record.decode(record.encode(record.to_stored(tokens))), tokens)
    assert TextRecord(tokenizer=tokenizer).to_stored(tokens).tolist() == ["ab", "c"]


def test_texts_are_strings_in_files_and_stand_under_rules(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    record = TextRecord(tokenizer=tokenizer)
    texts = record.decode(["ab\nc", ""])
    assert record.encode(texts).to_pylist() == ["ab\nc", ""]
    record.draw(texts, tmp_path / "sheet.txt", title="made")
    lines = (tmp_path / "sheet.txt").read_text().splitlines()
    assert (lines[0], lines[2:4]) == ("made", ["ab", "c"])
    assert lines[1].startswith("-- 0 --")
    assert RecordEntry.of(record).record == record


def letters(tokens: Tokenizer, **config: Any) -> Manifest:
    """The manifest of a version without rows."""
    return Manifest(
        **described(TokenRecord((4,), tokens.size, tokens)),
        name="letters",
        version="",
        class_names=("all",),
        lanes=8,
        splits={},
        quarantined={},
        sources=(),
        config=config,
        libraries={},
    )


def test_a_manifest_finds_its_tokenizer_beside_it(tokenizer: Tokenizer, tmp_path: Path) -> None:
    manifest = letters(tokenizer)
    manifest = manifest.model_copy(update={"version": content_version(manifest)})
    write_manifest(str(tmp_path), manifest)
    assert read_manifest(str(tmp_path)) == manifest
    assert (tmp_path / TOKENIZER).read_text() == tokenizer.json
    (tmp_path / TOKENIZER).write_text(tokenizer.json.replace("é", "e"))
    with pytest.raises(ManifestError, match=r"another tokenizer\.json"):
        read_manifest(str(tmp_path))
    (tmp_path / TOKENIZER).unlink()
    with pytest.raises(ManifestError, match=r"no tokenizer\.json"):
        read_manifest(str(tmp_path))


def test_where_a_given_tokenizer_lies_is_nothing_to_the_id_of_a_version(
    tokenizer: Tokenizer,
) -> None:
    def version(tokens: Tokenizer, **section: str | None) -> str:
        return content_version(letters(tokens, tokenizer=section))

    here = version(tokenizer, kind=None, path="/here/tokenizer.json")
    assert here == version(tokenizer, kind=None, path="s3://there/other.json")
    assert here != version(Tokenizer(tokenizer.json + "\n"), kind=None, path="/here/tokenizer.json")
    assert here != version(tokenizer, kind="characters", path=None)


def test_a_version_whose_id_has_the_path_of_its_tokenizer_is_read_as_before(
    tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """Earlier releases took the id of the whole configuration but for the source."""
    manifest = letters(tokenizer, tokenizer={"kind": None, "path": "/here/tokenizer.json"})
    left_out = {"version", "sources", "libraries", "config", "unused", "captions", "copies"}
    body = manifest.model_dump(mode="json", exclude=left_out)
    text = json.dumps([body, manifest.config], sort_keys=True, separators=(",", ":"))
    earlier = hashlib.sha256(text.encode()).hexdigest()[:16]
    assert earlier != content_version(manifest)
    write_manifest(str(tmp_path), manifest.model_copy(update={"version": earlier}))
    assert read_manifest(str(tmp_path)).version == earlier
