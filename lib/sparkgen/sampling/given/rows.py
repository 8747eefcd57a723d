"""Rows of a split of the dataset version that the model was trained on, or their labels.

Sample i is given row i, in the order of the split's files. Pictures can be damaged on the way, as for a
model that removes noise.
"""

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field

from sparkgen.config.strict import Strict
from sparkgen.datasets.rows import Split, open_split, read_rows
from sparkgen.errors import RequestError
from sparkgen.noise import Stream, row_noise
from sparkgen.sampling.given import GivenSource, Wanted

Damage = Literal["mask", "gaussian", "salt_and_pepper"]


class Config(Strict):
    """Options of the source `rows`."""

    split: Literal["train", "validation", "test"] = "test"
    damage: Damage | None = None
    """What damages the pixels before the model gets them; null: nothing."""
    amount: float = Field(0.5, ge=0)
    """Share of the pixels damaged; for `gaussian` the noise's standard deviation, pixels in [0, 1]."""


@dataclass(frozen=True)
class SplitRows(GivenSource):
    """The records of a split, or its labels."""

    split: Split
    config: Config
    version: str
    """The dataset version's id."""
    labels: bool
    seed: int

    @property
    def length(self) -> int:
        return self.split.rows

    @property
    def identity(self) -> dict[str, Any]:
        return {"version": self.version, **self.config.model_dump(mode="json")}

    def values(self, ids: range) -> npt.NDArray[Any]:
        found = read_rows(self.split, ids.start, ids.stop)
        if self.labels:
            return found.label
        if self.config.damage is None or not len(found.id):
            return found.data
        return self._damaged(found.data, ids[: len(found.id)], self.config.damage)

    def _damaged(self, stored: npt.NDArray[Any], ids: range, kind: Damage) -> npt.NDArray[Any]:
        from sparkgen.layers.corruption import corrupt, corruption_noise

        record = self.split.record
        spec = corruption_noise(record.shape, kind)
        noise = row_noise(spec, ids, seed=self.seed, stream=Stream.SAMPLE, name="damage")
        seen = corrupt(record.to_model(stored), noise, kind=kind, amount=self.config.amount)
        return record.to_stored(np.asarray(seen))


def open_source(config: Config, wanted: Wanted) -> GivenSource:
    """The source of a split's records, or of their labels.

    Raises:
        RequestError: a text is wanted.
        ManifestError: no such split, or records of another form than the model takes.
    """
    if wanted.given.what == "text":
        raise RequestError(
            f"a source of texts for sampling.given.{wanted.name}",
            found="rows",
            mend="choose another",
        )
    uri, manifest = wanted.version()
    split = open_split(uri, manifest, config.split)
    record = wanted.given.record
    if record is not None and record != split.record:
        raise RequestError(
            f"{record} for sampling.given.{wanted.name}",
            found=f"{split.record} in dataset {manifest.name}",
            mend="choose another source",
        )
    labels = wanted.given.what == "label"
    return SplitRows(split, config, manifest.version, labels, wanted.seed)
