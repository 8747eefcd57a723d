"""Errors of TensorFlow's operations, by which a worker learns that another one is gone."""

TRACEBACK = "Traceback (most recent call last)"
"""Stands in what TensorFlow says of a Python function that it called, such as one that reads data."""


def said_by_operation(error: Exception) -> str:
    """What an operation says that failed; empty for other errors, also those of Python functions within
    TensorFlow.
    """
    import tensorflow as tf

    said = str(error) if isinstance(error, tf.errors.OpError) else ""
    return "" if TRACEBACK in said else said
