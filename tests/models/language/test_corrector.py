from pathlib import Path

import numpy as np
import pytest
from words import text_spec, tokenizer_of_words, tokens_of

from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.counted import sum_statistics
from sparkgen.models.discovery import build_model
from sparkgen.models.language._channel import Channel
from sparkgen.models.language._characters import Characters
from sparkgen.models.language._misspelling import misspelt
from sparkgen.models.language._words import lexicon_of
from sparkgen.models.saving import load_model, save_model
from sparkgen.noise import Stream, row_noise, row_noises
from sparkgen.sampling.generate import Recipe, generate_rows

NAME = "language.corrector"
TEXTS = [
    "the minister said that the government was here",
    "the prime minister was here with the president",
    "a prime number is a number that has no other factor",
    "the president said that it was a minor matter",
    "modern government was here with the chancellor",
    "the film was good and the story was good",
    "it was never said that the film was bad",
    "people form a group and from it comes a party",
]
SPEC = text_spec(tokenizer_of_words(word for text in TEXTS for word in text.split()))
NOTHING = np.zeros((1, 0))


def counted(texts: list[str] = TEXTS, repeated: int = 20, **options: object) -> GenerativeModel:
    model = build_model(NAME, options, SPEC)
    batch = {"tokens": tokens_of(texts * repeated, SPEC)}
    batch["weight"] = np.ones(len(batch["tokens"]), np.float32)
    model.fit_statistics(model.statistics(batch))
    return model


@pytest.fixture(scope="module")
def model() -> GenerativeModel:
    return counted()


def mended(model: GenerativeModel, text: str, lexicon: str = "", **options: object) -> str:
    given = {"text": [text]} | ({"lexicon": [lexicon]} if lexicon else {})
    return str(model.generate(NOTHING, given, **options).data[0])


@pytest.mark.parametrize(
    ("written", "lexicon", "meant"),
    [
        ("prime miniter nerenr modi", "narendra modi", "prime minister narendra modi"),
        ("the presdent barak obma", "barack obama", "the president barack obama"),
        ("chancelor angla merkl", "angela merkel", "chancellor angela merkel"),
    ],
)
def test_a_lexicon_mends_names_beside_common_words(
    written: str, lexicon: str, meant: str, model: GenerativeModel
) -> None:
    assert mended(model, written, lexicon, error_rate=0.01) == meant
    assert mended(model, written, error_rate=0.01) != meant
    assert mended(counted(lexicon=lexicon, error_rate=0.01), written) == meant


def test_words_misspelt_in_every_way_are_mended_and_the_rest_stays(model: GenerativeModel) -> None:
    for written in ("governmnt", "goverrnment", "govermnent", "govetnment", "gover nment"):
        text = f"The  {written}\twas here, 1984 !"
        assert mended(model, text) == "The  government\twas here, 1984 !"
    assert mended(model, "the primeminister was here") == "the prime minister was here"
    assert mended(model, "Th GOVERMENT was here") == "The GOVERNMENT was here"


def test_right_texts_stay_and_so_do_words_that_are_like_no_known_one(
    model: GenerativeModel,
) -> None:
    for text in (*TEXTS, "the zyxomma was here", "", "  \n", "1984 ?!", "a"):
        assert mended(model, text) == text


def test_the_words_before_decide_between_words_that_are_as_near(model: GenerativeModel) -> None:
    assert mended(model, "people frm a group", error_rate=0.1) == "people form a group"
    assert mended(model, "a group and frm it", error_rate=0.1) == "a group and from it"


def test_an_error_rate_near_0_leaves_everything_as_it_is(model: GenerativeModel) -> None:
    text = "the presdent was here"
    assert mended(model, text) != text
    assert mended(model, text, error_rate=1e-9) == text


def test_counts_of_pairs_are_those_of_the_texts_and_add_up() -> None:
    whole = counted(repeated=1)
    words = whole.words()
    of = words.vocabulary.number

    def pairs(before: str, word: str) -> float:
        return float(words.pair_counts(np.array(of[before]), np.array(of[word])))

    assert (pairs("the", "president"), pairs("prime", "minister"), pairs("the", "it")) == (2, 1, 0)
    assert words.words_W[of["the"]] == sum(text.split().count("the") for text in TEXTS)
    start = np.array(words.vocabulary.start)
    assert words.pair_counts(start, np.array(of["the"])) == 4
    parts = []
    for some in (TEXTS[:3], TEXTS[3:]):
        batch = {"tokens": tokens_of([*some, "the the the"], SPEC)}
        batch["weight"] = np.array([1.0] * len(some) + [0.0])
        parts.append(whole.statistics(batch))
    total = sum_statistics(parts)
    np.testing.assert_array_equal(total["words"], whole.words_W)
    np.testing.assert_array_equal(total["pairs"].keys, whole.pairs.arrays["keys"])
    np.testing.assert_array_equal(total["pairs"].counts, whole.pairs.arrays["numbers"])


def test_the_probabilities_of_the_words_after_another_sum_to_one(model: GenerativeModel) -> None:
    words = model.words()
    known = np.arange(words.vocabulary.unknown)
    p = np.exp(words.log_p(np.array([words.vocabulary.number["the"]]), known, words.prior))[0]
    rest = words.p_unseen * words.smoothing
    count = words.words_W[words.vocabulary.number["the"]]
    np.testing.assert_allclose(p.sum() + rest / (count + words.smoothing), 1.0, rtol=1e-6)


def test_the_characters_after_others_sum_to_one_and_known_endings_are_likely() -> None:
    characters = Characters(["walking", "talking", "sing"], order=3)
    letters = {letter for counts in characters.following.values() for letter in counts}
    others = (128 - len(letters)) * characters._p("ß", "in")
    np.testing.assert_allclose(sum(characters._p(c, "in") for c in letters) + others, 1.0)
    assert characters.log_probability("balking") > characters.log_probability("blaknig")


def test_the_path_is_the_best_of_all_paths(model: GenerativeModel) -> None:
    channel = Channel(
        model.words(), {}, error_rate=0.05, edit_rate=0.05, lexicon_share=0.1, width=6
    )
    text = "the fillm wsa goood"
    units = list(model.vocabulary.units(text))
    arcs = [list(channel._arcs(text, units, at)) for at in range(len(units))]
    assert all(arc.units == 1 and len(arc.words) == 1 for some in arcs for arc in some)

    def paths(at: int, before: int) -> list[tuple[float, list[str]]]:
        if at == len(units):
            return [(0.0, [])]
        found = []
        for arc in arcs[at]:
            (meant,) = arc.words
            step = float(channel._log_p([before], [meant])[0, 0]) + meant.log_channel
            found += [(step + s, [meant.text, *t]) for s, t in paths(at + 1, meant.word)]
        return found

    best = max(paths(0, model.vocabulary.start))
    assert channel.corrected(text)[0] == " ".join(best[1]) == "the film was good"


def test_a_lexicon_has_weights_and_says_what_is_wrong_with_one() -> None:
    assert lexicon_of("Narendra modi:3") == {"narendra": 0.25, "modi": 0.75}
    assert lexicon_of(" ,; ") == {}
    with pytest.raises(RequestError, match="modi:no"):
        build_model(NAME, {"lexicon": "modi:no"}, SPEC)


def test_a_misspelt_text_has_one_other_word_with_as_many_edits(model: GenerativeModel) -> None:
    noise = row_noise(model.training_noise["edits"], range(200), seed=0)
    lengths, words = [], set()
    for row in noise:
        text = misspelt("the minister was of it", model.vocabulary, row, 1)
        pairs = list(zip(["the", "minister", "was", "of", "it"], text.split(), strict=True))
        assert [a for a, b in pairs if a != b] == ["minister"]
        lengths.append(len(pairs[1][1]))
        words.add(pairs[1][1])
    assert set(lengths) == {7, 8, 9}
    assert len(words) > 100
    assert misspelt("it was of", model.vocabulary, noise[0], 1) == "it was of"


def test_evaluation_says_how_many_texts_stay_and_come_back(model: GenerativeModel) -> None:
    tokens = tokens_of(TEXTS, SPEC)
    noise = row_noises(model.training_noise, range(len(TEXTS)), seed=0, stream=Stream.EVALUATE)
    batch = {"tokens": tokens, "weight": np.ones(len(TEXTS), np.float32), "noise": noise}
    terms = {name: np.asarray(v) for name, v in model.loss_terms(batch, training=False).items()}
    assert terms["kept"].mean() == 1
    assert terms["mended_1"].mean() >= 0.7
    uncounted = counted(TEXTS[:1]).loss_terms(batch, training=False)
    assert terms["nll"].mean() < np.mean(uncounted["nll"]) - 1


def test_a_saved_corrector_mends_in_batches_of_any_size(
    model: GenerativeModel, tmp_path: Path
) -> None:
    save_model(tmp_path, model, name=NAME, options={})
    again = load_model(tmp_path)
    written = np.array(["the presdent was here", "a fillm", "barak obma said it"], object)
    lexicon = np.array(["", "", "barack obama"], object)
    given = {"text": written, "lexicon": lexicon}
    for rows in (1, 2, 4):
        made = generate_rows(again, range(3), given, Recipe(0, rows, {}))
        expected = ["the president was here", "a film", "barack obama said it"]
        assert made.data.tolist() == expected
        np.testing.assert_array_equal(made.figures["changed_words"], [1, 1, 2])


def test_counts_are_made_into_probabilities_once() -> None:
    model = counted()
    mended(model, "the film was goood")
    words, options = model.words(), dict(model.generate_options)
    channel = model.channel("", **options)
    assert model.words() is words
    assert model.channel("", **options) is channel
    assert channel.found.keys() >= {"the", "goood"}
    batch = {"tokens": tokens_of(TEXTS, SPEC), "weight": np.ones(len(TEXTS), np.float32)}
    model.fit_statistics(model.statistics(batch))
    assert model.words() is not words
    assert model.channel("", **options) is not channel
