"""Configurations and tensors that become networks, and those that are refused."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparkgen.datasets.tokenizer import Tokenizer
from sparkgen.models.pretrained._hugging_face import Imported, imported
from sparkgen.models.pretrained._safetensors import read_tensors

FIXTURES = Path(__file__).parents[1] / "language" / "fixtures"


def read(name: str, drop: str = "", add: dict[str, Any] | None = None, **changes: Any) -> Imported:
    folder = FIXTURES / name
    tensors = read_tensors((folder / "model.safetensors").read_bytes())
    tensors = {n: x for n, x in tensors.items() if n != drop} | (add or {})
    config = json.loads((folder / "config.json").read_text()) | changes
    return imported(config, Tokenizer((folder / "tokenizer.json").read_text()), tensors)


def test_names_without_their_prefix_and_masks_are_taken() -> None:
    folder = FIXTURES / "gpt2"
    tensors = read_tensors((folder / "model.safetensors").read_bytes())
    bare = {name.removeprefix("transformer."): x for name, x in tensors.items()}
    bare |= {"h.0.attn.bias": np.ones((1, 1, 64, 64)), "h.0.attn.masked_bias": np.ones(1)}
    tokenizer = Tokenizer((folder / "tokenizer.json").read_text())
    found = imported(json.loads((folder / "config.json").read_text()), tokenizer, bare)
    assert sorted(found.weights) == sorted(read("gpt2").weights)


def test_embeddings_beyond_the_tokenizer_are_left_out() -> None:
    table = np.zeros((310, 32), np.float32)
    found = read(
        "llama", add={"model.embed_tokens.weight": table, "lm_head.weight": table}, vocab_size=310
    )
    assert found.spec.record.values == 300
    assert found.weights["network.embedding"].shape == (300, 32)
    assert found.weights["network.head"].shape == (300, 32)


def test_the_base_of_rotary_positions_is_found_in_both_of_its_places() -> None:
    assert read("llama").options["rotary_base"] == 5000.0
    newer = {"rope_type": "default", "rope_theta": 700.0}
    assert read("llama", rope_parameters=newer).options["rotary_base"] == 700.0


@pytest.mark.parametrize(
    ("name", "changes", "line"),
    [
        ("gpt2", {"model_type": "bloom"}, "a network of the kind bloom, and known are gpt2, llama"),
        ("gpt2", {"activation_function": "relu"}, "activation_function relu in config.json"),
        ("gpt2", {"scale_attn_by_inverse_layer_idx": True}, "scale_attn_by_inverse_layer_idx True"),
        ("llama", {"rope_scaling": {"rope_type": "llama3"}}, "rotary positions of the kind llama3"),
        ("llama", {"attention_bias": True}, "attention_bias True"),
        ("llama", {"vocab_size": 200}, "200 embeddings for 300 tokens"),
        ("llama", {"drop": "lm_head.weight"}, "no tensor lm_head.weight"),
        ("gpt2", {"drop": "transformer.wte.weight"}, "no tensor transformer.wte.weight"),
        ("gpt2", {"add": {"extra": np.ones(1)}}, "1 tensors more than it has, such as extra"),
        ("gpt2", {"n_layer": 1}, "tensors more than it has, such as transformer.h.1"),
        ("distilbert", {"drop": "qa_outputs.weight"}, "answers no questions"),
    ],
)
def test_what_is_not_known_is_refused(name: str, changes: dict[str, Any], line: str) -> None:
    with pytest.raises(ValueError, match=line):
        read(name, **changes)
