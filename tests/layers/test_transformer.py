"""The transformer: its sizes, what it sees, and that its cache changes nothing."""

from itertools import product

import numpy as np
import pytest
from keras import ops

from sparkgen.layers.attention import BLOCK, angles, rotated
from sparkgen.layers.transformer import Form, Transformer

SMALL = Form(
    vocabulary=11,
    context=13,
    layers=2,
    heads=4,
    kv_heads=4,
    width=16,
    feed_forward=24,
    head_width=4,
)
LLAMA = SMALL._replace(
    positions="rotary", norm="rms", activation="swiglu", kv_heads=2, tied=False, head_width=6
)
FORMS = {
    "small": SMALL,
    "gpt2": SMALL._replace(biases=True),
    "exact-gelu": SMALL._replace(activation="gelu", kv_heads=1),
    "llama": LLAMA,
    "rotary-and-layer-norm": LLAMA._replace(norm="layer", biases=True, kv_heads=4),
}


def shaken(form: Form) -> Transformer:
    network = Transformer(form)
    network.build()
    random = np.random.default_rng(0)
    for variable in network.variables:
        variable.assign_add(0.2 * random.normal(size=variable.shape))
    return network


def tokens_of(form: Form, rows: int = 3) -> np.ndarray:
    shape = (rows, form.context)
    return np.random.default_rng(1).integers(0, form.vocabulary, shape).astype(np.int32)


def test_the_reference_configuration_has_804096_parameters() -> None:
    form = Form(
        vocabulary=65,
        context=64,
        layers=4,
        heads=4,
        kv_heads=4,
        width=128,
        feed_forward=512,
        head_width=32,
    )
    network = Transformer(form)
    network.build()
    assert network.count_params() == 804_096


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_cached_logits_are_those_without_a_cache(form: Form) -> None:
    network, tokens = shaken(form), tokens_of(form)
    plain = np.asarray(network(tokens))
    assert plain.std() > 0.1
    nobody = ops.zeros((len(tokens),), "bool")
    for prompt in range(form.context + 1):  # what comes of a prompt, then step by step
        state, found = network.start(len(tokens)), []
        for at in range(0, prompt, network.chunk):
            chunk = np.full((len(tokens), network.chunk), 7, np.int32)  # rubbish after the prompt
            part = tokens[:, at : min(at + network.chunk, prompt)]
            chunk[:, : part.shape[1]] = part
            logits, state = network.prefill(state, chunk, ops.convert_to_tensor(at))
            found.append(np.asarray(logits)[:, : part.shape[1]])
        for at in range(prompt, form.context):
            logits, state = network.step(state, tokens[:, at], ops.convert_to_tensor(at), nobody)
            found.append(np.asarray(logits)[:, None])
        np.testing.assert_allclose(np.concatenate(found, axis=1), plain, atol=1e-5)


def test_a_cache_of_several_blocks_gives_the_same_logits() -> None:
    form = LLAMA._replace(context=2 * BLOCK + 40, layers=1)
    network, tokens = shaken(form), tokens_of(form, rows=2)
    plain = np.asarray(network(tokens))
    state, found = network.start(2), []
    for at in range(0, form.context, network.chunk):
        chunk = np.zeros((2, network.chunk), np.int32)
        part = tokens[:, at : at + network.chunk]
        chunk[:, : part.shape[1]] = part
        logits, state = network.prefill(state, chunk, ops.convert_to_tensor(at))
        found.append(np.asarray(logits)[:, : part.shape[1]])
    np.testing.assert_allclose(np.concatenate(found, axis=1), plain, atol=2e-5)
    for at in (0, BLOCK - 1, BLOCK, form.context - 1):
        nobody = ops.zeros((2,), "bool")
        logits, _ = network.step(state, tokens[:, at], ops.convert_to_tensor(at), nobody)
        np.testing.assert_allclose(logits, plain[:, at], atol=2e-5)


def test_a_row_that_keeps_its_slot_does_not_see_the_token_it_is_given() -> None:
    network, tokens = shaken(SMALL), tokens_of(SMALL, rows=2)
    state = network.start(2)
    _, state = network.prefill(state, tokens[:, : network.chunk], ops.convert_to_tensor(0))
    keep = ops.convert_to_tensor([True, False])
    wrong = (tokens[:, 2] + 1) % 11
    _, changed = network.step(state, wrong, ops.convert_to_tensor(2), keep)
    for before, after in zip(state, changed, strict=True):
        for one, other in zip(before, after, strict=True):
            np.testing.assert_array_equal(one[0], other[0])
    assert np.abs(state[0].keys[1, :, 2] - changed[0].keys[1, :, 2]).max() > 0.01


@pytest.mark.parametrize("form", [SMALL, LLAMA], ids=["small", "llama"])
def test_a_position_sees_all_before_it_and_none_after_it(form: Form) -> None:
    network, tokens = shaken(form), tokens_of(form, rows=1)
    plain = np.asarray(network(tokens))[0]
    for at in range(form.context):
        other = tokens.copy()
        other[0, at] = (other[0, at] + 1) % form.vocabulary
        change = np.abs(np.asarray(network(other))[0] - plain).max(axis=1)
        assert (change[:at] == 0).all()
        assert (change[at:] > 1e-6).all()


def test_a_token_that_is_padding_is_taken_and_changes_nothing_before_it() -> None:
    network, tokens = shaken(SMALL), tokens_of(SMALL)
    plain = np.asarray(network(tokens))
    tokens[:, 5:] = SMALL.vocabulary
    np.testing.assert_array_equal(np.asarray(network(tokens))[:, :5], plain[:, :5])


def test_products_of_rotated_vectors_depend_on_their_distance_alone() -> None:
    random = np.random.default_rng(0)
    q, k = random.normal(size=(2, 1, 8)).astype(np.float32)

    def product_at(one: int, other: int) -> float:
        turns = (angles(np.array([at]), 8, 10000.0) for at in (one, other))
        a, b = (rotated(x, turn) for x, turn in zip((q, k), turns, strict=True))
        return float(np.sum(np.asarray(a) * np.asarray(b)))

    for shift, (one, other) in product((1, 50), ((3, 0), (0, 7))):
        assert abs(product_at(one, other) - product_at(one + shift, other + shift)) < 1e-4
    assert abs(product_at(3, 0) - product_at(4, 0)) > 1e-3


def test_half_precision_gives_float32_logits_near_those_of_full_precision() -> None:
    full, half = shaken(SMALL), Transformer(SMALL, dtype="bfloat16")
    half.build()
    half.set_weights(full.get_weights())
    found, exact = np.asarray(half(tokens_of(SMALL))), np.asarray(full(tokens_of(SMALL)))
    assert found.dtype == np.float32
    assert 1e-4 < np.abs(found - exact).mean() < 0.05 * exact.std()
