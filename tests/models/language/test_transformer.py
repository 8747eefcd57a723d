"""The transformer as a model: its loss, its likelihood, and texts that follow prompts."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from scipy.special import log_softmax

from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.errors import RequestError
from sparkgen.models.discovery import build_model
from sparkgen.models.language._prompts import before_stop, first_token
from sparkgen.noise import Stream, row_noise, row_noises

TINY = {"layers": 1, "heads": 2, "width": 16}
PROMPTS = [
    "abc",
    "",
    "h\ng",
    "a much longer prompt".replace("m", "a").translate({ord(c): "a" for c in "uclonrpt"}),
]


@pytest.fixture(scope="module")
def model(language_model: Callable[..., Any]) -> Any:
    return language_model("language.transformer", **TINY)


def batch_of(model: Any, rows: int = 3, padded: int = 0) -> dict[str, Any]:
    tokens = np.random.default_rng(0).integers(0, 10, (rows, 17)).astype(np.int32)
    tokens[0, 17 - padded :] = 10
    return {
        "tokens": tokens,
        "weight": np.ones(rows, np.float32),
        "noise": row_noises(model.training_noise, range(rows), seed=0, stream=Stream.TRAIN),
    }


def generated(model: Any, prompts: list[str], **options: Any) -> list[str]:
    noise = row_noise(model.noise, range(len(prompts)), seed=0)
    made = np.asarray(model.generate(noise, {"prompt": prompts}, **{"max_tokens": 20, **options}))
    assert made.dtype == np.int32
    return model.makes.to_stored(made).tolist()


def test_the_loss_is_the_mean_of_the_true_tokens_after_the_first(model: Any) -> None:
    batch = batch_of(model, padded=5)
    logits = np.asarray(model.network(batch["tokens"][:, :-1]), np.float64)
    log_p = log_softmax(logits, axis=-1)
    nll = [
        -sum(log_p[row, t, token] for t, token in enumerate(tokens[1:]) if token < 10) / 16
        for row, tokens in enumerate(batch["tokens"])
    ]
    terms = model.loss_terms(batch, training=False)
    np.testing.assert_allclose(terms["nll"], nll, rtol=1e-5)
    nats = model.likelihoods(samples=1)["exact"].function(batch)
    np.testing.assert_allclose(nats, -16 * np.array(nll), rtol=1e-5)


def test_the_accuracy_counts_the_likeliest_tokens(model: Any) -> None:
    batch = batch_of(model)
    best = np.asarray(model.network(batch["tokens"][:, :-1])).argmax(axis=-1)
    found = model.loss_terms(batch, training=False)["accuracy"]
    np.testing.assert_allclose(found, (best == batch["tokens"][:, 1:]).mean(axis=1), rtol=1e-6)


def test_the_probabilities_of_all_texts_sum_to_one(model: Any) -> None:
    pairs = np.array([[4, a, b] for a in range(10) for b in range(10)], np.int32)
    tokens = np.concatenate([pairs, np.full((100, 14), 10, np.int32)], axis=1)
    nats = model.likelihoods(samples=1)["exact"].function({"tokens": tokens, "noise": {}})
    assert np.exp(np.asarray(nats, np.float64)).sum() == pytest.approx(1, abs=1e-5)


def test_dropout_depends_on_the_noise_of_a_row_and_is_for_training_only(
    language_model: Callable[..., Any],
) -> None:
    model = language_model("language.transformer", **TINY, dropout=0.3)
    batch = batch_of(model)
    plain = np.asarray(model.loss_terms(batch, training=False)["nll"])
    dropped = np.asarray(model.loss_terms(batch, training=True)["nll"])
    assert (np.abs(dropped - plain) > 1e-3).all()
    fewer = {name: batch[name][:1] for name in ("tokens", "weight")}
    alone = {**fewer, "noise": {"dropout": batch["noise"]["dropout"][:1]}}
    np.testing.assert_allclose(
        model.loss_terms(alone, training=True)["nll"], dropped[:1], rtol=1e-5
    )


def test_it_learns_a_text_that_repeats(language_model: Callable[..., Any], train: Callable) -> None:
    model = language_model("language.transformer", **TINY)
    line = np.tile(np.arange(10), 100)
    starts = np.random.default_rng(0).integers(0, 900, (60, 8))
    batches = [
        {**batch_of(model, 8), "tokens": np.stack([line[s : s + 17] for s in row]).astype(np.int32)}
        for row in starts
    ]
    train(model, batches, learning_rate=1e-2)
    assert float(np.mean(model.loss_terms(batches[0], training=False)["nll"])) < 0.1
    assert generated(model, ["cd"], temperature=0.0, max_tokens=6) == ["efgh\n "]


def test_texts_follow_their_prompts_whatever_stands_beside_them(model: Any) -> None:
    texts = generated(model, PROMPTS)
    assert [len(text) for text in texts] == [20] * 4
    other = generated(model, [PROMPTS[0], "a", "bbbb", ""])
    assert other[0] == texts[0]
    assert other[1:] != texts[1:]
    whole = generated(model, PROMPTS, with_prompt=True)
    assert whole == [prompt + text for prompt, text in zip(PROMPTS, texts, strict=True)]


def test_a_shorter_text_is_a_beginning_of_the_longer_one(model: Any) -> None:
    longer, shorter = generated(model, PROMPTS), generated(model, PROMPTS, max_tokens=5)
    assert shorter == [text[:5] for text in longer]


def test_a_stop_sequence_ends_a_text_and_is_left_out(model: Any) -> None:
    texts = generated(model, PROMPTS, max_tokens=40)
    stop = texts[0][11:13]
    made = generated(model, PROMPTS, max_tokens=40, stop=[stop])
    assert made == [text.partition(stop)[0] for text in texts]
    assert made != texts


def test_one_beam_gives_the_greedy_text(model: Any) -> None:
    assert generated(model, PROMPTS, beams=1) == generated(model, PROMPTS, temperature=0.0)


def test_without_a_prompt_a_text_begins_after_a_new_line(model: Any, characters: Any) -> None:
    assert first_token(characters) == 0
    assert generated(model, ["\n"]) == generated(model, [""])
    noise = row_noise(model.noise, range(1), seed=0)
    made = np.asarray(model.generate(noise, max_tokens=20))
    assert model.makes.to_stored(made).tolist() == generated(model, [""])


def test_a_stop_sequence_within_a_token_cuts_before_that_token(characters: Any) -> None:
    tokens = characters.encode("abcab")
    assert characters.decode(before_stop(tokens, ["ca"], characters)) == "ab"
    assert characters.decode(before_stop(tokens, ["zz"], characters)) == "abcab"


@pytest.mark.parametrize(
    ("prompt", "options", "line"),
    [
        ("xyz", {}, "a prompt of characters that the tokenizer knows, found 'xyz'"),
        ("a" * 4097, {}, "a prompt of at most 4096 tokens, found 4097"),
        ("a", {"stop": [""]}, "at most 8 texts of 1 to 32 tokens as sampling.options.stop"),
        ("a", {"beams": 2, "top_k": 5}, "sampling.options.top_k 0 with beams"),
    ],
)
def test_what_cannot_be_done_is_refused_in_one_line(
    model: Any, prompt: str, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(RequestError) as error:
        generated(model, [prompt], **options)
    assert line in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("options", "line"),
    [
        ({"heads": 3, "kv_heads": 2, "width": 12}, "heads must be a multiple of kv_heads"),
        ({"heads": 3}, "width must be a multiple of heads"),
        ({"positions": "rotary", "head_width": 3}, "even width"),
    ],
)
def test_sizes_that_do_not_fit_are_refused(
    spec: DataSpec, options: dict[str, Any], line: str
) -> None:
    with pytest.raises(RequestError, match=line):
        build_model("language.transformer", options, spec)


@pytest.mark.parametrize(
    "record", [TokenRecord((9,)), ImageRecord((8, 8, 1))], ids=["bytes", "pictures"]
)
def test_records_without_a_tokenizer_are_refused(record: Any) -> None:
    with pytest.raises(RequestError, match="tokens"):
        build_model("language.transformer", {}, DataSpec(record, 1))
