"""Gradients of a batch that is computed in slices, one after the other, so that less memory is needed."""

from collections.abc import Callable, Sequence
from typing import Any

Tensor = Any
Data = Any
"""Nested dictionaries of tensors whose first axis is the batch's rows."""
Terms = dict[str, Tensor]


def terms_and_gradients(
    terms_of: Callable[[Data], Terms],
    loss_of: Callable[[Terms, Data], Tensor],
    data: Data,
    variables: Sequence[Any],
    *,
    slices: int,
    compiled: bool = False,
) -> tuple[Terms, list[Tensor | None]]:
    """The terms of all rows of a batch, and the gradients of the sum of the slices' losses.

    What runs on, such as seeds of dropout and statistics of batch normalisation, moves on with every
    slice. A variable that the loss does not depend on has the gradient None.

    Args:
        terms_of: gives the terms of some rows: (rows,) each.
        loss_of: their part of the batch's loss: ().
        data: of the batch.
        variables: by which the gradients are taken.
        slices: how many there are; they divide the rows.
        compiled: whether XLA compiles all of it.
    """
    import tensorflow as tf

    def of_rows(some: Data) -> tuple[Terms, list[Tensor | None]]:
        with tf.GradientTape() as tape:
            terms = terms_of(some)
            loss = loss_of(terms, some)
        return terms, tape.gradient(loss, variables)

    def of_batch(data: Data) -> tuple[Terms, list[Tensor | None]]:
        return of_rows(data) if slices == 1 else _in_slices(of_rows, data, slices)

    return (
        tf.function(of_batch, autograph=False, jit_compile=True)(data)
        if compiled
        else of_batch(data)
    )


def _in_slices(
    of_rows: Callable[[Data], tuple[Terms, list[Tensor | None]]], data: Data, slices: int
) -> tuple[Terms, list[Tensor | None]]:
    import tensorflow as tf

    size = tf.nest.flatten(data)[0].shape[0] // slices
    first, gradients = of_rows(_rows(data, 0, size))
    used = [gradient is not None for gradient in gradients]
    sums = [tf.convert_to_tensor(gradient) for gradient in gradients if gradient is not None]
    terms = {
        name: tf.TensorArray(v.dtype, slices, element_shape=v.shape).write(0, v)
        for name, v in first.items()
    }

    def add(number: Tensor, sums: list[Tensor], terms: dict[str, Any]) -> tuple[Any, ...]:
        of_slice, gradients = of_rows(_rows(data, number * size, size))
        more = [gradient for gradient in gradients if gradient is not None]
        sums = [total + tf.convert_to_tensor(one) for total, one in zip(sums, more, strict=True)]
        return number + 1, sums, {k: array.write(number, of_slice[k]) for k, array in terms.items()}

    _, sums, terms = tf.while_loop(
        lambda number, *_: number < slices,
        add,
        (tf.constant(1), sums, terms),
        maximum_iterations=slices - 1,
    )
    left = iter(sums)
    return (
        {name: array.concat() for name, array in terms.items()},
        [next(left) if is_used else None for is_used in used],
    )


def _rows(data: Data, first: Tensor, size: int) -> Data:
    import tensorflow as tf

    def cut(tensor: Tensor) -> Tensor:
        # Not by [first : first + size], of which XLA does not see the size.
        start = [first] + [0] * (len(tensor.shape) - 1)
        return tf.slice(tensor, start, (size, *tensor.shape[1:]))

    return tf.nest.map_structure(cut, data)
