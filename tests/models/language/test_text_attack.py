from collections.abc import Callable

import keras
import numpy as np
import pytest
from words import BAD, GOOD, OTHER, opinions, text_spec, tokenizer_of_words, tokens_of

from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model
from sparkgen.models.language._attack import Constraints, Goal, Text, character_edits
from sparkgen.models.language._spelling import LEVENSHTEIN, Costs, Words, distance
from sparkgen.noise import Stream, row_noise, row_noises
from sparkgen.sampling.generate import Recipe, generate_rows

NAME = "language.text_attack"
CLASSIFIER = "language.text_classifier"
SMALL = {"embedding": 12, "windows": [1, 2], "filters": 8}
SPEC = text_spec(tokenizer_of_words([*GOOD, *BAD, *OTHER]))
LEARNT: list[np.ndarray] = []
"""The weights of a small classifier that has learnt which words decide, once one has."""


@pytest.fixture
def attack(train: Callable) -> Callable[..., GenerativeModel]:
    """`attack(**options)`: attacks on a small classifier that knows good from bad words."""

    def make(**options: object) -> GenerativeModel:
        keras.utils.set_random_seed(0)
        classifier = build_model(CLASSIFIER, SMALL, SPEC)
        if not LEARNT:
            texts, labels = opinions(128)
            batch = {
                "tokens": tokens_of(texts, SPEC),
                "label": labels,
                "weight": np.ones(128, np.float32),
                "noise": row_noises(
                    classifier.training_noise, range(128), seed=0, stream=Stream.TRAIN
                ),
            }
            train(classifier, 80 * [batch], learning_rate=1e-2)
            LEARNT.extend(classifier.get_weights())
        classifier.set_weights(LEARNT)
        return build_model(NAME, options, SPEC, parts={"classifier": classifier})

    return make


def attacked(model: GenerativeModel, count: int = 40, **options: object) -> tuple:
    """Texts, labels, and what the attack makes of them."""
    texts, labels = opinions(count, seed=3)
    noise = row_noise(model.noise, range(count), seed=1)
    return texts, labels, model.generate(noise, {"text": texts, "label": labels}, **options)


# Misspelt, a word says nothing; only a word of the other class makes this classifier sure of that.
@pytest.mark.parametrize(("edits", "left"), [("characters", 0.6), ("words", 0.3)])
def test_an_attack_fools_the_classifier_within_its_constraints(
    edits: str, left: float, attack: Callable
) -> None:
    model = attack(edits=edits)
    texts, labels, made = attacked(model)
    before = model.probabilities(texts)
    after = model.probabilities(made.data)
    figures = made.figures
    assert (before.argmax(-1) == labels).mean() > 0.95
    assert (after.argmax(-1) == labels).mean() < left
    np.testing.assert_array_equal(figures["predicted"], after.argmax(-1))
    np.testing.assert_array_equal(figures["success"], after.argmax(-1) != labels)
    rows = np.arange(len(texts))
    np.testing.assert_allclose(figures["probability_before"], before[rows, labels], rtol=1e-5)
    np.testing.assert_allclose(figures["probability_after"], after[rows, labels], rtol=1e-5)
    for n, (text, other) in enumerate(zip(texts, made.data, strict=True)):
        pairs = list(zip(text.split(), other.split(), strict=True))
        edited = sum(distance(a, b) for a, b in pairs) / len(text)
        assert edited <= 0.15 + 1e-9
        np.testing.assert_allclose(figures["changed_characters"][n], edited)
        changed = np.mean([a != b for a, b in pairs])
        np.testing.assert_allclose(figures["changed_words"][n], changed)
        if edits == "words":
            known = {*GOOD, *BAD, *OTHER}
            assert {b for _, b in pairs} <= known


def test_every_text_that_the_classifier_is_asked_counts_as_a_query(
    attack: Callable, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, asked = attack(), []
    ask = model.probabilities
    monkeypatch.setattr(model, "probabilities", lambda texts: asked.extend(texts) or ask(texts))
    _, _, made = attacked(model, 10)
    assert made.figures["queries"].sum() == len(asked)


def test_no_more_characters_and_words_change_than_allowed(attack: Callable) -> None:
    model = attack()
    texts, _, made = attacked(model, characters=0.0)
    assert made.data == texts
    for edits in ("characters", "words"):
        _, _, made = attacked(model, edits=edits, characters=1.0, words=0.1)
        assert 0 < made.figures["changed_words"].max() <= 0.1


def test_a_text_of_which_the_classifier_errs_already_stays_and_costs_one_query(
    attack: Callable,
) -> None:
    model = attack()
    given = {"text": ["the film is good"], "label": np.zeros(1, np.int32)}
    made = model.generate(row_noise(model.noise, range(1), seed=0), given)
    assert made.data == given["text"]
    assert (made.figures["success"], made.figures["queries"]) == (1, 1)


def test_a_target_is_reached_or_not_by_its_own_probability(attack: Callable) -> None:
    model = attack(edits="words")
    noise = row_noise(model.noise, range(1), seed=0)
    given = {"text": ["the film is a bad story"], "label": np.zeros(1, np.int32)}
    own = model.generate(noise, {**given, "target": np.zeros(1, np.int32)})
    other = model.generate(noise, {**given, "target": np.ones(1, np.int32)})
    assert own.data == given["text"]
    assert (own.figures["success"], other.figures["success"]) == (1, 1)
    assert other.figures["predicted"] == 1


def test_the_estimate_of_a_flip_is_the_slope_of_the_loss(attack: Callable) -> None:
    model = attack(edits="words")
    text, goal = "the film is a story", Goal(1)
    slope = model.slope(text, goal)
    tokens = tokens_of([text], SPEC)
    e = np.asarray(model.classifier.embedded(tokens))

    def loss(vectors: np.ndarray) -> float:
        logits = model.classifier.head(model.classifier.features_of(vectors, tokens))
        return -float(np.asarray(keras.ops.log_softmax(logits))[0, 1])

    size = np.linalg.norm(slope)
    step = 1e-3 * slope[None] / size
    np.testing.assert_allclose((loss(e + step) - loss(e - step)) / 2e-3, size, rtol=2e-2)
    assert size > 0.1


def test_an_attack_does_not_depend_on_the_other_texts_of_its_batch(attack: Callable) -> None:
    model = attack()
    texts, labels = opinions(12, seed=5)
    given = {"text": np.array(texts, object), "label": labels}
    one, many = (
        generate_rows(model, range(12), given, Recipe(2, rows, {})).data.tolist()
        for rows in (1, 12)
    )
    assert one == many


def test_evaluation_reports_what_the_attack_does_to_the_rows(attack: Callable) -> None:
    model = attack()
    texts, labels = opinions(20, seed=3)
    noise = row_noises(model.training_noise, range(20), seed=0, stream=Stream.EVALUATE)
    weight = np.ones(20, np.float32)
    weight[15:] = 0
    batch = {"tokens": tokens_of(texts, SPEC), "label": labels, "weight": weight, "noise": noise}
    terms = {name: np.asarray(v) for name, v in model.loss_terms(batch, training=False).items()}
    made = model.generate(noise["attack"][:15], {"text": texts[:15], "label": labels[:15]})
    np.testing.assert_array_equal(terms["robust_accuracy"][:15], 1 - made.figures["success"])
    np.testing.assert_array_equal(terms["queries"][:15], made.figures["queries"].astype(np.float32))
    said = model.probabilities(texts).argmax(-1)
    np.testing.assert_array_equal(terms["accuracy"][:15], (said == labels)[:15])
    assert not terms["queries"][15:].any()


def test_white_space_stays_as_it_was() -> None:
    text = Text("  a  good\tfilm ")
    assert text.words == ["a", "good", "film"]
    assert text.written(text.words) == "  a  good\tfilm "
    assert text.written(["a", "god", "film"]) == "  a  god\tfilm "
    assert text.written(["a", None, "film"]) == "  a  film "
    allowed = Constraints(text, 0.1, 0.5)
    assert allowed.allow(["a", "god", "film"])
    assert not allowed.allow(["a", "gd", "film"])


def test_each_kind_of_edit_is_one_character() -> None:
    noise = np.array([0.3, 0.0, 0.3, 0.99, 0.3, 0.0, 0.3, 0.01])
    assert character_edits("good", noise) == ["gzod", "god", "gaood"]
    assert character_edits("film", noise) == ["flim", "fzlm", "flm", "failm"]
    assert character_edits("a", noise) == []


def test_distances_are_those_of_the_recursion() -> None:
    def recursive(meant: str, written: str, costs: Costs) -> float:
        if not meant or not written:
            return len(meant) * costs.deletion + len(written) * costs.insertion
        options = [
            recursive(meant[:-1], written, costs) + costs.deletion,
            recursive(meant, written[:-1], costs) + costs.insertion,
            recursive(meant[:-1], written[:-1], costs)
            + costs.substitution * (meant[-1] != written[-1]),
        ]
        if len(meant) > 1 and len(written) > 1 and meant[-2:] == written[-1] + written[-2]:
            options.append(recursive(meant[:-2], written[:-2], costs) + costs.transposition)
        return min(options)

    random = np.random.default_rng(0)
    words = ["".join(random.choice(list("ab"), random.integers(0, 6))) for _ in range(30)]
    for costs in (LEVENSHTEIN, Costs(3.0, 1.5, 2.5, 1.1)):
        for written in words[:10]:
            expected = [recursive(word, written, costs) for word in words]
            np.testing.assert_allclose(Words(words).distances(written, costs), expected)
    for within in (1, 2):
        near = Words(words).distances("ab", LEVENSHTEIN, within=within)
        far = np.array([recursive(word, "ab", LEVENSHTEIN) for word in words])
        np.testing.assert_allclose(near[far <= within], far[far <= within])
        assert np.isinf(near[[abs(len(word) - 2) > within for word in words]]).all()
