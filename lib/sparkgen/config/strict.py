"""The base of every section: unknown keys and wrong types are refused."""

from pydantic import BaseModel, ConfigDict


class Strict(BaseModel):
    """A section that refuses unknown keys and does not turn one type into another."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)
