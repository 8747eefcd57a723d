"""Texts that are drawn token by token, of a transformer whose context is shorter than they are."""

import numpy as np
import pytest
from keras import ops

from sparkgen.decoding.choice import Choice, choose
from sparkgen.decoding.loop import Decoder
from sparkgen.decoding.protocol import Stateful
from sparkgen.decoding.texts import Limits, stop_table
from sparkgen.layers.transformer import Transformer

LENGTHS = (1, 3, 5, 8, 9, 12, 13, 20)
MOST = 24
RANDOM = np.random.default_rng(0)
PROMPTS = [RANDOM.integers(0, 11, length).astype(np.int32) for length in LENGTHS]
NOISE = RANDOM.random((len(LENGTHS), MOST)).astype(np.float32)


@pytest.fixture(scope="module")
def decoder(network: Transformer) -> Decoder:
    return Decoder(network, most=MOST, prompt=20)


def plain_text(network: Transformer, prompt: np.ndarray, noise: np.ndarray, choice: Choice) -> list:
    """What follows a prompt, by the whole window of tokens anew for each."""
    tokens, context = list(prompt), network.context
    for uniform in noise:
        at = len(tokens) - 1
        begin = 0 if at < context else ((at - context) // (context // 2) + 1) * (context // 2)
        window = np.full((1, context), 0, np.int32)
        window[0, : at + 1 - begin] = tokens[begin:]
        logits = network(window)[:, at - begin]
        seen = np.isin(np.arange(network.vocabulary), tokens)[None]
        number = ops.convert_to_tensor(np.array([uniform], np.float32))
        tokens.append(int(choose(logits, number, choice.tensors(), ops.convert_to_tensor(seen))[0]))
    return tokens[len(prompt) :]


@pytest.mark.parametrize(
    "choice", [Choice(0.0), Choice(), Choice(0.8, 5, 0.9, 1.3)], ids=["greedy", "drawn", "all"]
)
def test_texts_are_those_of_the_whole_window_anew_for_each_token(
    decoder: Decoder, network: Transformer, choice: Choice
) -> None:
    made = decoder.draw(PROMPTS, NOISE, choice, Limits(MOST))
    expected = [plain_text(network, *pair, choice) for pair in zip(PROMPTS, NOISE, strict=True)]
    np.testing.assert_array_equal(made, expected)
    assert len(np.unique(made)) > 5


def test_a_row_is_the_same_bits_whatever_stands_beside_it(decoder: Decoder) -> None:
    together = decoder.draw(PROMPTS, NOISE, Choice(), Limits(MOST))
    for row in range(len(PROMPTS)):
        company = [PROMPTS[row]] * len(PROMPTS)
        company[(row + 1) % len(company)] = PROMPTS[row][-1:]
        alone = decoder.draw(
            company, np.tile(NOISE[row], (len(company), 1)), Choice(), Limits(MOST)
        )
        np.testing.assert_array_equal(alone[row], together[row])


def test_no_length_no_setting_and_no_limit_makes_a_second_trace(decoder: Decoder) -> None:
    for number in range(1, 4):
        prompts = [prompt[:number] for prompt in PROMPTS]
        choice = Choice(0.5 * number, number, 1 / number, float(number))
        decoder.draw(prompts, NOISE, choice, Limits(number, number, [[1] * number]))
    assert decoder.compiled.experimental_get_tracing_count() == 1


def test_a_lower_limit_gives_the_beginnings_of_the_same_texts(decoder: Decoder) -> None:
    whole = decoder.draw(PROMPTS, NOISE, Choice(), Limits(MOST))
    short = decoder.draw(PROMPTS, NOISE, Choice(), Limits(7))
    np.testing.assert_array_equal(short[:, :7], whole[:, :7])
    assert (short[:, 7:] == 11).all()


def test_a_text_ends_before_the_end_token_and_after_a_stop_sequence(decoder: Decoder) -> None:
    whole = decoder.draw(PROMPTS, NOISE, Choice(), Limits(MOST))
    end, stop = int(whole[0, 9]), whole[1, 5:8].tolist()
    made = decoder.draw(PROMPTS, NOISE, Choice(), Limits(MOST, end, [stop]))
    for row, text in zip(made, whole.tolist(), strict=True):
        ends = text.index(end) if end in text else MOST
        stops = [n for n in range(3, MOST + 1) if text[n - 3 : n] == stop]
        length = min([ends, *stops])
        np.testing.assert_array_equal(row, text[:length] + [11] * (MOST - length))
    assert any((row == 11).any() for row in made)


def test_a_stop_sequence_does_not_begin_in_the_prompt(table: Stateful) -> None:
    decoder = Decoder(table, most=4, prompt=4)
    prompt, noise = np.array([1, 2], np.int32), np.full((1, 4), 0.5, np.float32)
    first = int(decoder.draw([prompt], noise, Choice(), Limits(4))[0, 0])
    made = decoder.draw([prompt], noise, Choice(), Limits(4, stops=[[2, first]]))
    assert (made < 5).all()


def test_a_network_without_prefill_reads_prompts_step_by_step(table: Stateful) -> None:
    decoder = Decoder(table, most=6, prompt=4)
    prompts = [np.array(one, np.int32) for one in ([3], [1, 2], [4, 0, 2, 2])]
    made = decoder.draw(prompts, np.zeros((3, 6), np.float32), Choice(0.0), Limits(6))
    for prompt, row in zip(prompts, made.tolist(), strict=True):
        tokens = [0, *prompt.tolist()]
        for token in row:
            assert token == table.logits[tokens[-2], tokens[-1]].argmax()
            tokens.append(token)


def test_too_many_and_too_long_stop_sequences_are_refused() -> None:
    with pytest.raises(ValueError, match="at most 8 stop sequences, found 9"):
        stop_table([[1]] * 9)
    for wrong in ([], [1] * 33):
        with pytest.raises(ValueError, match="1 to 32 tokens in a stop sequence"):
            stop_table([wrong])
