"""What decoding needs of a network: logits of the next token, and a state of what it has seen.

Shape suffixes: B rows, C positions of a chunk, V tokens of the vocabulary.
"""

from typing import Any, Protocol

Tensor = Any
State = Any
"""Nested tuples of tensors whose first axis is the rows."""


class Stateful(Protocol):
    """A network that reads texts token by token; all rows are at the same position."""

    vocabulary: int
    """V: tokens are 0 .. V - 1."""
    context: int | None
    """Positions that its state holds; None: any number."""
    chunk: int
    """C, positions that `prefill` takes at once, at most half the context; 0: it has no `prefill`, and
    prompts are read step by step."""

    def start(self, rows: int) -> State:
        """The state before the first token."""

    def prefill(self, state: State, tokens_BC: Tensor, at: Tensor) -> tuple[Tensor, State]:
        """Logits (B, C, V) of the tokens after those at the positions at .. at + C - 1, and the state.

        What it is given may be rubbish from some position of a row on. Later calls write over what the
        state holds of these positions before anything looks at it.
        """

    def step(
        self, state: State, tokens_B: Tensor, at: Tensor, keep_B: Tensor
    ) -> tuple[Tensor, State]:
        """Logits (B, V) of the token after the one at the position `at` of every row, and the state.

        Args:
            state: of the positions before it.
            tokens_B: int32, the tokens at this position.
            at: int32 ().
            keep_B: bool, rows for which the state holds this position already, by `prefill`.
        """
