"""N-grams: probabilities by counts, smoothed."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from keras import ops

from sparkgen.datasets.records import DataSpec, TokenRecord
from sparkgen.errors import RequestError
from sparkgen.models.counted import Counts, as_arrays, from_arrays, sum_statistics
from sparkgen.models.discovery import build_model
from sparkgen.models.language import ngram
from sparkgen.models.saving import load_model, save_model
from sparkgen.noise import row_noise

TEXT = "abcab\ndabcabca d"


def fitted(spec: DataSpec, order: int, text: str = TEXT) -> Any:
    model = build_model("language.ngram", {"order": order}, spec)
    model.fit_statistics(model.statistics(block(spec, text)))
    return model


def block(spec: DataSpec, text: str) -> dict[str, Any]:
    tokens = np.full((1, spec.size), spec.record.values, np.int32)
    found = spec.record.tokenizer.encode(text)
    tokens[0, : len(found)] = found
    return {"tokens": tokens, "weight": np.ones(1, np.float32)}


def kneser_ney(text: str, before: str, token: str, order: int, letters: str) -> float:
    """The formula of the model's file with discounts of a half, by a slow search of the text."""
    grams = lambda size: {text[i : i + size] for i in range(len(text) - size + 1)}  # noqa: E731
    begins = 1 if order == 1 else 0  # the first token of a block is given

    def count(gram: str) -> int:
        if len(gram) < order:
            return sum(longer.endswith(gram) for longer in grams(len(gram) + 1))
        return sum(text[i:].startswith(gram) for i in range(begins, len(text)))

    def probability(size: int) -> float:
        if size == 0:
            return 1 / len(letters)
        context = before[len(before) - size + 1 :] if size > 1 else ""
        counts = {w: count(context + w) for w in letters}
        total = sum(counts.values())
        if not total or len(context) < size - 1:
            return probability(size - 1)
        rest = 0.5 * sum(c > 0 for c in counts.values()) / total
        return max(counts[token] - 0.5, 0) / total + rest * probability(size - 1)

    return probability(order)


@pytest.mark.parametrize("order", [1, 2, 3])
def test_probabilities_are_those_of_the_formula(spec: DataSpec, order: int) -> None:
    model = fitted(spec, order)
    letters = "\n abcdefgh"
    found = np.exp(np.asarray(model.token_log_probabilities(block(spec, TEXT))[0][0], np.float64))
    expected = [
        kneser_ney(TEXT, TEXT[:t][-(order - 1) or len(TEXT) :], TEXT[t], order, letters)
        for t in range(1, len(TEXT))
    ]
    np.testing.assert_allclose(found[: len(expected)], expected, rtol=1e-5)
    assert (found[len(expected) :] == 1).all()  # padding counts nowhere


@pytest.mark.parametrize("order", [1, 2, 5])
def test_probabilities_sum_to_one_after_any_tokens(spec: DataSpec, order: int) -> None:
    model = fitted(spec, order)
    before = np.random.default_rng(0).integers(0, 11, (20, max(order - 1, 1))).astype(np.int32)
    every = np.broadcast_to(np.arange(10, dtype=np.int32), (20, 10))
    p = np.asarray(model.probability(ops.convert_to_tensor(before), ops.convert_to_tensor(every)))
    np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-5)
    assert (p > 0).all()


def test_token_by_token_the_probabilities_are_those_of_the_block(spec: DataSpec) -> None:
    model = fitted(spec, 3)
    batch = block(spec, TEXT)
    network, log_p = model.network, np.asarray(model.token_log_probabilities(batch)[0][0])
    state = network.start(1)
    for t in range(len(TEXT) - 1):
        token = ops.convert_to_tensor(batch["tokens"][:, t])
        logits, state = network.step(state, token, t, None)
        assert np.asarray(logits)[0, batch["tokens"][0, t + 1]] == pytest.approx(log_p[t], rel=1e-5)


def test_a_saved_model_has_its_tables_and_draws_the_same_text(
    spec: DataSpec, tmp_path: Path
) -> None:
    model = fitted(spec, 3)
    save_model(tmp_path, model, name="language.ngram", options={"order": 3})
    again = load_model(tmp_path)
    noise = row_noise(model.noise, range(2), seed=0)
    texts = [
        one.makes.to_stored(
            np.asarray(one.generate(noise, {"prompt": ["ab", ""]}, max_tokens=12))
        ).tolist()
        for one in (model, again)
    ]
    assert texts[0] == texts[1]
    assert again.count_learnt() == model.count_learnt() > 0


def test_an_order_whose_keys_are_too_large_is_refused() -> None:
    from parts import words

    spec = DataSpec(TokenRecord((9,), 10_000, words()), 1)
    with pytest.raises(RequestError, match="order up to 4 for 10000 tokens, found 5"):
        ngram.build(ngram.Config(order=5), spec)


def test_counts_are_the_same_however_they_are_cut_into_parts() -> None:
    keys = np.random.default_rng(0).integers(0, 50, 400)
    whole = Counts.of(keys)
    parts = sum_statistics({"n": Counts.of(some), "rows": np.ones(2)} for some in np.split(keys, 8))
    assert parts["rows"].tolist() == [8, 8]
    np.testing.assert_array_equal(parts["n"].keys, whole.keys)
    np.testing.assert_array_equal(parts["n"].counts, whole.counts)
    again = from_arrays(as_arrays(parts))
    np.testing.assert_array_equal(again["n"].counts, whole.counts)
    assert again["rows"].tolist() == [8, 8]


def test_discounts_are_estimated_from_how_many_counts_are_small() -> None:
    counts = np.array([1] * 10 + [2] * 4 + [3] * 2 + [4])
    y = 10 / 18
    expected = [0, 1 - 2 * y * 4 / 10, 2 - 3 * y * 2 / 4, 3 - 4 * y * 1 / 2]
    np.testing.assert_allclose(ngram.discounts_of(counts), expected)
    np.testing.assert_allclose(ngram.discounts_of(counts[:14]), [0, 0.5, 0.5, 0.5])


def test_the_loss_is_that_of_the_likelihood(spec: DataSpec) -> None:
    model = fitted(spec, 2)
    batch = block(spec, TEXT)
    nats = np.asarray(model.likelihoods(samples=1)["exact"].function(batch))
    terms = model.loss_terms(batch, training=False)
    np.testing.assert_allclose(np.asarray(terms["nll"]) * 16, -nats, rtol=1e-6)
