from collections.abc import Callable

import keras
import numpy as np
import pytest
from words import BAD, GOOD, OTHER, opinions, text_spec, tokenizer_of_words, tokens_of

from sparkgen.config.tokenizer import TokenizerSection
from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.errors import RequestError
from sparkgen.ingest.texts.learn import tokenizer_of
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model
from sparkgen.noise import Stream, row_noises
from sparkgen.sampling.generate import Recipe, generate_rows

NAME = "language.text_classifier"
SMALL = {"embedding": 12, "windows": [1, 2, 3], "filters": 8}


@pytest.fixture
def spec() -> DataSpec:
    return text_spec(tokenizer_of_words([*GOOD, *BAD, *OTHER]))


def made(spec: DataSpec, **options: object) -> GenerativeModel:
    keras.utils.set_random_seed(0)
    return build_model(NAME, {**SMALL, **options}, spec)


def batch_of(model: GenerativeModel, texts: list[str], labels: np.ndarray) -> dict:
    ids = np.arange(len(texts))
    return {
        "id": ids,
        "tokens": tokens_of(texts, model.spec),
        "label": labels,
        "weight": np.ones(len(ids), np.float32),
        "noise": row_noises(model.training_noise, ids, seed=0, stream=Stream.TRAIN),
    }


def test_it_learns_which_words_decide_and_judges_texts(spec: DataSpec, train: Callable) -> None:
    model = made(spec, token_dropout=0.1)
    texts, labels = opinions(128)
    train(model, 80 * [batch_of(model, texts, labels)], learning_rate=1e-2)
    others, classes = opinions(64, seed=1)
    terms = model.loss_terms(batch_of(model, others, classes), training=False)
    assert np.mean(terms["accuracy"]) > 0.95
    found = generate_rows(model, range(64), {"text": np.array(others, object)}, Recipe(0, 16, {}))
    assert found.data.tolist() == others
    assert np.mean(found.figures["predicted"] == classes) == np.mean(terms["accuracy"])
    assert (found.figures["confidence"] >= 0.5).all()


def test_the_numbers_of_weights_are_those_of_the_paper(parameters: Callable) -> None:
    tokenizer = tokenizer_of_words(OTHER)
    model = build_model(NAME, {}, text_spec(tokenizer))
    windows = sum(width * 300 * 100 + 100 for width in (3, 4, 5))
    assert parameters(model) == tokenizer.size * 300 + windows + 300 * 2 + 2


def test_a_word_has_one_vector_with_and_without_a_space_before_it(spec: DataSpec) -> None:
    tokens = tokens_of(["film film"], spec)
    assert tokens[0, 0] != tokens[0, 1]
    for ignore in (False, True):
        model = made(spec, ignore_space=ignore)
        first, second = np.asarray(model.embedded(tokens))[0, :2]
        assert (first == second).all() == ignore
        by_token = model.vectors_of_tokens()
        assert by_token.shape == (spec.record.values, 12)
        np.testing.assert_array_equal(by_token[tokens[0, :2]], [first, second])
        words = len({*GOOD, *BAD, *OTHER, ".", "<unk>"})
        assert len(np.asarray(model.vectors.embeddings)) == (words if ignore else by_token.shape[0])


def test_parts_of_characters_have_vectors_of_their_own() -> None:
    tokenizer = tokenizer_of(["é\u00a2 é €"], TokenizerSection(kind="bpe", size=262), end=False)
    model = made(text_spec(tokenizer), ignore_space=True)
    number = {tokenizer.name(token): model.vector_of_V[token] for token in range(tokenizer.size)}
    assert len({number[chr(byte)] for byte in range(0xC2, 0xF5)}) == 0xF5 - 0xC2
    assert number["Ã©"] == number["ĠÃ©"] != number["é"]
    assert len(set(number.values())) < tokenizer.size


def test_padding_changes_no_feature_and_a_text_shorter_than_a_window_has_some(
    spec: DataSpec,
) -> None:
    model, longer = made(spec), made(text_spec(spec.record.tokenizer, length=40))
    longer.set_weights(model.get_weights())
    texts = ["good", "a good film with a story", ""]
    features = [np.asarray(m.features(tokens_of(texts, m.spec))) for m in (model, longer)]
    np.testing.assert_allclose(*features, atol=1e-6)
    assert features[0][0].max() > 0
    assert (features[0][2] == 0).all()


def test_features_are_the_greatest_answers_to_all_windows_that_hold_a_token(
    spec: DataSpec,
) -> None:
    model = made(spec, windows=[3])
    tokens = tokens_of(["the good film"], spec)
    vectors = np.asarray(model.vectors.embeddings)[tokens[0, :3]]
    padded = np.concatenate([np.zeros((2, 12)), vectors, np.zeros((2, 12))])
    kernel, bias = map(np.asarray, model.convolutions[0].weights)
    answers = [np.einsum("we,wef->f", padded[n : n + 3], kernel) + bias for n in range(5)]
    expected = np.maximum(np.max(answers, axis=0), 0)
    np.testing.assert_allclose(np.asarray(model.features(tokens))[0], expected, atol=1e-5)


def test_dropped_tokens_become_the_unknown_one_and_padding_stays(spec: DataSpec) -> None:
    model = made(spec, token_dropout=0.5)
    tokens = tokens_of(["the film is good"], spec)
    noise = np.full(tokens.shape, 0.7, np.float32)
    noise[0, [1, 10]] = 0.3
    kept = np.asarray(model._thinned(tokens, noise))
    expected = tokens.copy()
    expected[0, 1] = spec.record.tokenizer.unknown
    np.testing.assert_array_equal(kept, expected)


def test_numbers_without_a_tokenizer_are_refused() -> None:
    with pytest.raises(RequestError, match="tokens of a tokenizer"):
        build_model(NAME, {}, DataSpec(TokenRecord((16,), 256), 2))
