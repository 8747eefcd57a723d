"""How far a training is, as a variable that a compiled step counts."""

import keras


class Clock:
    """Counts training steps, whatever a step does to how many optimizers.

    It is no part of a model's weights: whoever goes on with a training sets it.
    """

    def __init__(self) -> None:
        self.steps = keras.Variable("zeros", (), "int", trainable=False, name="training_steps")

    def tick(self) -> None:
        """Counts a step."""
        self.steps.assign_add(1)
