"""The window of positions that a state of fixed size holds, and how it moves on.

All rows are at one position of their texts. Where the window is full it moves on by half of its size, and
the tokens that stay in it are read again. That happens at the same positions whatever the texts' lengths,
so that what a row gets does not depend on its companions: a position's entry is made by `prefill` where
the window had it when it began, or where the prompt covers it, else by `step`.

Shape suffixes: B rows, L positions of a text with its prompt, V tokens of the vocabulary.
"""

from collections.abc import Callable
from typing import Any

from keras import ops

from sparkgen.decoding.protocol import State, Stateful
from sparkgen.decoding.texts import Prompts, column, loop, marked

Tensor = Any


def moves_by(network: Stateful) -> int:
    """By how many positions a full window moves on; 0: it never does."""
    return 0 if network.context is None else max(1, network.context // 2)


def beginning(network: Stateful, at: Tensor) -> Tensor:
    """The first position of the window that the position `at` lies in: int32 ()."""
    if network.context is None:
        return ops.zeros_like(at)
    step = moves_by(network)
    return ops.where(at < network.context, 0, ((at - network.context) // step + 1) * step)


def filled(
    network: Stateful, state: State, tokens_BL: Tensor, begin: Tensor, longest: Tensor
) -> State:
    """The state of a window that begins at `begin`: of its tokens that are known in all rows or in some.

    Args:
        network: reads them.
        state: any, which is written over.
        tokens_BL: int32, with `chunk` columns more than a text has.
        begin: the window's first position.
        longest: tokens of the longest prompt.
    """
    if not network.chunk:
        return state
    until = longest - begin
    if network.context is not None:
        stays = ops.where(begin > 0, network.context - moves_by(network), 0)
        until = ops.maximum(stays, ops.minimum(network.context, until))

    def read(number: Tensor, state: State) -> State:
        at = number * network.chunk
        where, size = (0, begin + at), (tokens_BL.shape[0], network.chunk)
        tokens_BC = ops.minimum(ops.slice(tokens_BL, where, size), network.vocabulary - 1)
        return network.prefill(state, tokens_BC, at)[1]

    return ops.fori_loop(0, -(-until // network.chunk), read, state)


def walk(
    network: Stateful, given: Prompts, now: Any, turn: Callable[[Any, Tensor, Tensor], Any]
) -> Any:
    """Goes through texts from the end of the shortest prompt until all have ended.

    Args:
        network: reads them.
        given: the prompts.
        now: the first state, a named tuple with `at`, int32 (), which is set here; `tokens`, int32
            (B, L); `state`, that of the network; `seen`, bool (B, V), the tokens of the texts; `ended`,
            bool of any shape; and what else `turn` needs.
        turn: `turn(now, logits_BV, number_B)` writes the tokens at the position `at` + 1 and gives the
            state there. `number_B` is how many were drawn before; below 0 for rows whose prompt goes on.

    Returns:
        the last state.
    """
    shortest, longest = ops.min(given.lengths), ops.max(given.lengths)
    prefills = bool(network.chunk)

    def unfinished(now: Any) -> Tensor:
        return ops.logical_not(ops.all(now.ended))

    def step(now: Any, begin: Tensor) -> Any:
        known_B = now.at < given.lengths
        token_B = ops.minimum(column(now.tokens, now.at), network.vocabulary - 1)
        keep_B = known_B if prefills else ops.zeros_like(known_B)
        logits_BV, state = network.step(now.state, token_B, now.at - begin, keep_B)
        now = now._replace(state=state, seen=marked(now.seen, token_B))
        return turn(now, logits_BV, now.at + 1 - given.lengths)

    def window(now: Any) -> Any:
        begin = beginning(network, now.at)
        state = filled(network, now.state, now.tokens, begin, longest)

        def inside(now: Any) -> Tensor:
            if network.context is None:
                return unfinished(now)
            return ops.logical_and(unfinished(now), now.at - begin < network.context)

        return loop(inside, lambda now: step(now, begin), now._replace(state=state))

    at = shortest - 1 if prefills else ops.zeros_like(shortest)
    return loop(unfinished, window, now._replace(at=at))
