"""Texts that are drawn token by token, of a transformer whose context is shorter than they are."""

from typing import Any

import numpy as np
import pytest

from sparkgen.decoding.choice import Choice
from sparkgen.decoding.loop import Decoder
from sparkgen.decoding.protocol import Stateful
from sparkgen.decoding.texts import Limits, stop_table
from sparkgen.layers.compiled import compiled
from sparkgen.layers.transformer import Transformer

MOST = 24
NOISE = np.random.default_rng(0).random((8, MOST)).astype(np.float32)


def plain_text(network: Any, prompt: np.ndarray, noise: np.ndarray, choice: Choice) -> list[int]:
    """What follows a prompt, by the whole window of tokens anew for each."""
    tokens, context = list(prompt), 8
    for uniform in noise:
        at = len(tokens) - 1
        begin = 0 if at < context else ((at - context) // (context // 2) + 1) * (context // 2)
        window = np.zeros((1, context), np.int32)
        window[0, : at + 1 - begin] = tokens[begin:]
        tokens.append(chosen(np.array(network(window))[0, at - begin], uniform, tokens, choice))
    return tokens[len(prompt) :]


def chosen(x: np.ndarray, uniform: float, tokens: list[int], choice: Choice) -> int:
    """The choice of a token, by sorting, in float64."""
    x, seen = x.astype(np.float64), np.unique(tokens)
    x[seen] = np.where(
        x[seen] > 0, x[seen] / choice.repetition_penalty, x[seen] * choice.repetition_penalty
    )
    if choice.temperature == 0:
        return int(x.argmax())
    order = np.argsort(-x)
    p = np.exp((x - x.max()) / choice.temperature)
    p[order[choice.top_k or len(x) :]] = 0
    p[order[np.searchsorted(np.cumsum(p[order] / p.sum()), choice.top_p) + 1 :]] = 0
    return int(np.searchsorted(np.cumsum(p), uniform * p.sum(), side="right"))


@pytest.mark.parametrize(
    "choice", [Choice(0.0), Choice(), Choice(0.8, 5, 0.9, 1.3)], ids=["greedy", "drawn", "all"]
)
def test_texts_are_those_of_the_whole_window_anew_for_each_token(
    decoder: Decoder, network: Transformer, prompts: list[np.ndarray], choice: Choice
) -> None:
    made = decoder.draw(prompts, NOISE, choice, Limits(MOST))
    plainly = compiled(network, xla=False)
    expected = [plain_text(plainly, *pair, choice) for pair in zip(prompts, NOISE, strict=True)]
    np.testing.assert_array_equal(made, expected)
    assert len(np.unique(made)) > 5


def test_a_row_is_the_same_bits_whatever_stands_beside_it(
    decoder: Decoder, prompts: list[np.ndarray]
) -> None:
    together = decoder.draw(prompts, NOISE, Choice(), Limits(MOST))
    for row in range(len(prompts)):
        company = [prompts[row]] * len(prompts)
        company[(row + 1) % len(company)] = prompts[row][-1:]
        alone = decoder.draw(
            company, np.tile(NOISE[row], (len(company), 1)), Choice(), Limits(MOST)
        )
        np.testing.assert_array_equal(alone[row], together[row])


def test_no_length_no_setting_and_no_limit_makes_a_second_trace(
    decoder: Decoder, prompts: list[np.ndarray]
) -> None:
    for number in range(1, 4):
        shorter = [prompt[:number] for prompt in prompts]
        choice = Choice(0.5 * number, number, 1 / number, float(number))
        decoder.draw(shorter, NOISE, choice, Limits(number, number, [[1] * number]))
    assert decoder.compiled.experimental_get_tracing_count() == 1


def test_a_lower_limit_gives_the_beginnings_of_the_same_texts(
    decoder: Decoder, prompts: list[np.ndarray]
) -> None:
    whole = decoder.draw(prompts, NOISE, Choice(), Limits(MOST))
    short = decoder.draw(prompts, NOISE, Choice(), Limits(7))
    np.testing.assert_array_equal(short[:, :7], whole[:, :7])
    assert (short[:, 7:] == 11).all()


def test_a_text_ends_before_the_end_token_and_after_a_stop_sequence(
    decoder: Decoder, prompts: list[np.ndarray]
) -> None:
    whole = decoder.draw(prompts, NOISE, Choice(), Limits(MOST))
    end, stop = int(whole[0, 9]), whole[1, 5:8].tolist()
    made = decoder.draw(prompts, NOISE, Choice(), Limits(MOST, end, [stop]))
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
