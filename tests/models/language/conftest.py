"""What tests of language models share: a tokenizer of characters, and networks of the reference."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tokenizers

from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model
from sparkgen.models.pretrained._hugging_face import fill, imported
from sparkgen.models.pretrained._safetensors import read_tensors

FIXTURES = Path(__file__).parent / "fixtures"
CHARACTERS = "\n abcdefgh"


@pytest.fixture(scope="session")
def characters() -> Tokenizer:
    """One token for each of ten characters."""
    vocabulary = {character: number for number, character in enumerate(CHARACTERS)}
    library = tokenizers.Tokenizer(tokenizers.models.BPE(vocabulary, []))
    library.decoder = tokenizers.decoders.Fuse()
    return Tokenizer(library.to_str())


@pytest.fixture(scope="session")
def spec(characters: Tokenizer) -> DataSpec:
    """Blocks of 17 characters."""
    return DataSpec(TokenRecord((17,), characters.size, characters), 1)


@pytest.fixture(scope="session")
def language_model(spec: DataSpec) -> Callable[..., Any]:
    """`language_model(name, **options)`: a model none of whose weights is zero or like another."""

    def make(name: str, **options: Any) -> GenerativeModel:
        keras.utils.set_random_seed(0)
        model = build_model(name, options, spec)
        random = np.random.default_rng(0)
        for variable in model.trainable_variables:
            variable.assign_add(0.2 * random.normal(size=variable.shape))
        return model

    return make


@pytest.fixture(scope="session")
def reference() -> Callable[[str], tuple[Any, list[dict[str, Any]]]]:
    """`reference(name)`: a network of the reference implementation, and what that makes of it."""

    def read(name: str) -> tuple[Any, list[dict[str, Any]]]:
        folder = FIXTURES / name
        found = imported(
            json.loads((folder / "config.json").read_text()),
            Tokenizer((folder / "tokenizer.json").read_text()),
            read_tensors((folder / "model.safetensors").read_bytes()),
        )
        model = build_model(found.name, found.options, found.spec)
        fill(model, found.weights)
        return model, json.loads((folder / "reference.json").read_text())["found"]

    return read
