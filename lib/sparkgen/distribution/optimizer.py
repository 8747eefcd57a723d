"""The optimizer hook averages gradients over all workers before the optimizer applies them.

`hvd.DistributedOptimizer` does nothing under Keras 3, whose optimizers no longer pass the method
that it overrides: ranks drift apart without an error.

Sparse gradients, as of embeddings, are made dense on the way, in a ring of one too: Keras 3 squares
the entries of a row that was looked up twice one by one, so Adam would see another gradient.
"""

from collections.abc import Sequence
from typing import Any

from sparkgen.distribution.half import average_in_half
from sparkgen.distribution.ring import Ring

Tensor = Any


def distribute(
    optimizer: Any, ring: Ring, *, compression: str = "none", compiled: bool = False
) -> Any:
    """Makes an optimizer average its gradients over all workers, and gives the same optimizer back.

    It stays an instance of its own class, now of a subclass with the same name, so that what is
    saved of it can be read without this package. A loss-scaling optimizer is distributed itself,
    not the one inside it: gradients that overflow on one rank are then skipped on all.

    Args:
        optimizer: a Keras optimizer.
        ring: whose ranks all call `apply` alike.
        compression: `none`, or `fp16` for gradients that travel in half precision.
        compiled: whether XLA compiles what follows the average; it cannot compile an exchange.
    """
    base = type(optimizer)

    def apply(self: Any, grads: Sequence[Tensor], trainable_variables: Any = None) -> None:
        averages = average(grads, ring, compression)
        if not compiled:
            base.apply(self, averages, trainable_variables)
            return

        import tensorflow as tf

        def update(averages: list[Tensor]) -> None:
            base.apply(self, averages, trainable_variables)

        tf.function(update, autograph=False, jit_compile=True)(averages)

    names = {"__module__": base.__module__, "__qualname__": base.__qualname__}
    optimizer.__class__ = type(base.__name__, (base,), {"apply": apply, **names})
    return optimizer


def average(grads: Sequence[Tensor], ring: Ring, compression: str) -> list[Tensor]:
    import tensorflow as tf

    present = [i for i, gradient in enumerate(grads) if gradient is not None]
    dense = [tf.convert_to_tensor(grads[i]) for i in present]
    halve = compression == "fp16" and ring.size > 1
    averaged = average_in_half(dense, ring) if halve else ring.average(dense)
    by_index = dict(zip(present, averaged, strict=True))
    return [by_index.get(i) for i in range(len(grads))]
