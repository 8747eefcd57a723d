"""Defines the base class of all sections, which refuses unknown keys and wrong types."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Seed = Annotated[int, Field(ge=0, lt=2**32)]
"""What every generator of random numbers takes, Keras' and scikit-learn's among them."""
Positive = Annotated[int, Field(gt=0)]


class Strict(BaseModel):
    """A section that refuses unknown keys and numbers that are not finite, and changes no types.

    The docstring under a field is its description, which the help prints.
    """

    model_config = ConfigDict(
        extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True
    )
