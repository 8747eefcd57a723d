"""The recurrent network as a language model."""

from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import pytest

from sparkgen.layers.lstm import LSTM
from sparkgen.noise import Stream, row_noise, row_noises

TINY = {"layers": 2, "units": 8, "embedding": 4}


@pytest.fixture(scope="module")
def model(language_model: Callable[..., Any]) -> Any:
    return language_model("language.lstm", **TINY)


def test_a_layer_computes_what_keras_own_does() -> None:
    ours, theirs = LSTM(3, 5), keras.layers.LSTM(5, return_sequences=True)
    x = np.random.default_rng(0).normal(size=(2, 6, 3)).astype(np.float32)
    ours.build()
    theirs.build(x.shape)
    theirs.set_weights(ours.get_weights())
    np.testing.assert_allclose(ours(x), theirs(x), atol=1e-6)


def test_token_by_token_the_logits_are_those_of_the_block(model: Any) -> None:
    tokens = np.random.default_rng(0).integers(0, 10, (3, 9)).astype(np.int32)
    whole = np.asarray(model.logits(tokens, {}))
    state = model.network.start(3)
    for t in range(9):
        logits, state = model.network.step(state, tokens[:, t], t, None)
        np.testing.assert_allclose(logits, whole[:, t], atol=1e-5)


def test_no_token_depends_on_later_ones(model: Any) -> None:
    tokens = np.random.default_rng(0).integers(0, 10, (1, 9)).astype(np.int32)
    other = tokens.copy()
    other[:, 5:] = (other[:, 5:] + 3) % 10
    one, two = (np.asarray(model.logits(some, {})) for some in (tokens, other))
    np.testing.assert_array_equal(one[:, :5], two[:, :5])
    assert (one[:, 5:] != two[:, 5:]).any()


def test_dropout_depends_on_the_noise_of_a_row(model: Any) -> None:
    tokens = np.zeros((3, 9), np.int32)
    noise = row_noises(model.training_noise, [0, 1, 0], seed=0, stream=Stream.TRAIN)
    found = np.asarray(model.logits(tokens, noise, training=True))
    np.testing.assert_array_equal(found[0], found[2])
    assert (found[0] != found[1]).any()
    plain = np.asarray(model.logits(tokens, noise))
    np.testing.assert_array_equal(plain[0], plain[1])


def test_texts_follow_prompts_and_greedy_ones_are_the_likeliest(model: Any) -> None:
    noise = row_noise(model.noise, range(2), seed=0)
    options = {"max_tokens": 6, "temperature": 0.0}
    made = np.asarray(model.generate(noise, {"prompt": ["abc", "h"]}, **options))
    tokens = model.tokenizer.encode("abc")
    for token in made[0]:
        logits = np.asarray(model.logits(tokens[None], {}))[0, -1]
        assert token == logits.argmax()
        tokens = np.append(tokens, token)
