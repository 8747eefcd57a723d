"""The window of positions that a state of fixed size holds, and how it moves on.

All rows are at one position of their texts. Where the window is full it moves on by half of its size, and
the tokens that stay in it are read again. That happens at the same positions whatever the texts' lengths,
so that what a row gets does not depend on its companions: a position's entry is made by `prefill` where
the window had it when it began, or where the prompt covers it, else by `step`.

Shape suffixes: B rows, L positions of a text with its prompt.
"""

from typing import Any

from keras import ops

from sparkgen.decoding.protocol import State, Stateful

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
