"""GPT-2 and Llama give what the reference implementation gives of the same weights."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sparkgen.datasets.records import DataSpec
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model
from sparkgen.models.pretrained._hugging_face import fill

NOISE = np.zeros((3, 4096), np.float32)


@pytest.fixture(scope="module", params=["gpt2", "llama"])
def network(request: pytest.FixtureRequest, reference: Callable[[str], Any]) -> Any:
    return reference(request.param)


def test_logits_are_those_of_the_reference(network: Any) -> None:
    model, found = network
    for one in found:
        logits = np.asarray(model.network(np.array([one["tokens"]], np.int32)))[0]
        np.testing.assert_array_equal(model.tokenizer.encode(one["prompt"]), one["tokens"])
        np.testing.assert_allclose(logits[-2:], one["logits"], atol=1e-4)
        assert np.std(one["logits"]) > 0.5


def test_a_model_on_it_continues_prompts_greedily_as_the_reference_does(
    network: Any, spec: DataSpec
) -> None:
    model, found = network
    whole = build_model("language.pretrained", {"context": 64}, spec, parts={"network": model})
    prompts = [one["prompt"] for one in found]
    for greedy in ({"temperature": 0.0}, {"beams": 1}):
        made = whole.generate(NOISE, {"prompt": prompts}, max_tokens=24, **greedy)
        np.testing.assert_array_equal(made, [one["greedy"] for one in found])
    texts = whole.makes.to_stored(np.asarray(made))
    assert texts.tolist() == [model.tokenizer.decode(one["greedy"]) for one in found]


def test_a_context_that_is_held_smaller_sees_less(
    reference: Callable[[str], Any], spec: DataSpec
) -> None:
    model, found = reference("llama")
    whole = build_model("language.pretrained", {"context": 8}, spec, parts={"network": model})
    prompts = [one["prompt"] for one in found]
    made = np.asarray(whole.generate(NOISE, {"prompt": prompts}, max_tokens=24, temperature=0.0))
    greedy = np.array([one["greedy"] for one in found])
    assert model.network.start(1)[0].keys.shape[2] == 8
    assert (made[:, :24] != greedy).any()


def test_a_part_that_makes_no_texts_is_refused(
    reference: Callable[[str], Any], spec: DataSpec
) -> None:
    model, _ = reference("distilbert")
    with pytest.raises(RequestError, match="a model that continues texts"):
        build_model("language.pretrained", {}, spec, parts={"network": model})


def test_weights_of_another_shape_and_missing_ones_are_refused(
    reference: Callable[[str], Any],
) -> None:
    model, _ = reference("gpt2")
    with pytest.raises(ValueError, match=r"network.position of shape \(3, 32\)"):
        fill(model, {"network.position": np.zeros((3, 32), np.float32)})
    with pytest.raises(ValueError, match="27 weights of the network are not in the file"):
        fill(model, {"network.position": np.zeros((64, 32), np.float32)})
