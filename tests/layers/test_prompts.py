import keras
import numpy as np
import pytest

from sparkgen.layers.prompts import CrossAttention, PromptEncoder

VOCABULARY = 9
PADDING = VOCABULARY


@pytest.fixture
def encoder() -> PromptEncoder:
    keras.utils.set_random_seed(0)
    return PromptEncoder(VOCABULARY, 8, 16, blocks=2)


def test_what_stands_behind_a_prompt_changes_none_of_its_words(encoder: PromptEncoder) -> None:
    short = encoder(np.array([[3, 1, 4]], np.int32))
    long = encoder(np.array([[3, 1, 4, PADDING, PADDING, PADDING]], np.int32))
    np.testing.assert_allclose(long.words[:, :4], short.words, atol=1e-6)
    assert np.asarray(long.known).tolist() == [[True] * 4 + [False] * 3]


def test_the_order_and_the_kind_of_words_matter_to_the_first_vector(encoder: PromptEncoder) -> None:
    prompts = [[3, 1, PADDING], [1, 3, PADDING], [3, 2, PADDING], [PADDING] * 3]
    found = np.asarray(encoder(np.array(prompts, np.int32)).words)[:, 0]
    distances = np.linalg.norm(found[:, None] - found[None], axis=-1)
    assert distances[~np.eye(4, dtype=bool)].min() > 1e-3


def test_cross_attention_ignores_padding_and_is_at_first_the_identity() -> None:
    keras.utils.set_random_seed(0)
    layer, random = CrossAttention(8), np.random.default_rng(0)
    x = random.normal(size=(2, 4, 4, 16)).astype(np.float32)
    words = random.normal(size=(2, 5, 12)).astype(np.float32)
    known = np.array([[True, True, False, False, False], [True] * 5])
    np.testing.assert_array_equal(layer(x, words, known), x)
    layer.attention.out.kernel.assign(random.normal(size=(16, 16)).astype(np.float32))
    before = np.asarray(layer(x, words, known))
    others = np.where(known[..., None], words, 100.0).astype(np.float32)
    np.testing.assert_array_equal(layer(x, others, known), before)
    changed = np.asarray(layer(x, words + np.float32(1.0), known))
    assert np.abs(changed - before).max() > 1e-2
