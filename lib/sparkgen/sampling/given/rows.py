"""The source `rows` gives rows of a split of the dataset version that the model was trained on.

Sample i is given row i, in the order of the split's files, or its label. Pictures can be damaged on the
way, as for a model that removes noise.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from sparkgen.datasets.images import as_objects
from sparkgen.datasets.manifest import DatasetVersion, Manifest
from sparkgen.datasets.records import Record, TextRecord
from sparkgen.datasets.rows import Split, open_split, read_rows
from sparkgen.errors import RequestError
from sparkgen.noise import Stream, row_noise
from sparkgen.sampling.given._source import GivenSource, SourceConfig, Wanted

Damage = Literal["mask", "gaussian", "salt_and_pepper"]
AT_ONCE = 1024  # rows that are damaged, in float32 and with noise beside each


class Config(SourceConfig):
    """It gives row i of a split of the model's dataset version to sample i: its record, its text or
    caption, or its label.
    """

    split: Literal["train", "validation", "test"] = "test"
    """The split whose rows are given."""
    damage: Damage | None = None
    """What damages the pixels before the model gets them; null: nothing."""
    amount: float = Field(0.5, ge=0)
    """Share of the pixels damaged; for `gaussian` the noise's standard deviation, pixels in [0, 1]."""

    @model_validator(mode="after")
    def _damages_by_its_amount(self) -> "Config":
        if self.damage is None and "amount" in self.model_fields_set:
            raise ValueError("amount says how much is damaged, and there is no damage")
        if self.damage in ("mask", "salt_and_pepper") and self.amount > 1:
            raise ValueError(f"amount is a share of the pixels, at most 1, found {self.amount}")
        return self

    @property
    def needed_split(self) -> str:
        return self.split

    def check(self, wanted: Wanted) -> None:
        if wanted.choices is not None:
            raise wanted.refuse("rows, which gives records and their labels")
        record = wanted.spec.record
        if wanted.what == "text" and record.tokenizer is None and record.caption is None:
            raise wanted.refuse("rows, which gives texts where they are tokens of a tokenizer")
        self._check_form(wanted, wanted.spec.record, "in the rows that it is trained on")
        if self.damage is not None and (wanted.record is None or not wanted.record.pictures):
            raise RequestError(
                f"no {wanted.key}.damage where a {wanted.what} is given that is no picture",
                found=self.damage,
                mend="remove it",
            )

    def check_rows(self, wanted: Wanted, manifest: Manifest) -> None:
        split, record = manifest.split(self.split), manifest.spec.record
        if wanted.samples > split.rows:
            raise RequestError(
                f"{wanted.counted} up to the {split.rows} rows of the split {self.split}, for "
                f"{wanted.key}",
                found=str(wanted.samples),
                mend="set it lower",
            )
        self._check_form(wanted, record, f"in dataset {manifest.name}")
        there = sorted(label for label, rows in split.label_counts.items() if rows)
        unseen = [label for label in there if label not in wanted.spec.labels]
        if wanted.what == "label" and unseen:
            raise RequestError(
                f"labels among {', '.join(map(str, wanted.spec.labels))}, those of the training rows, "
                f"for {wanted.key}",
                found=f"{unseen[0]} in the split {self.split}",
                mend="choose another source",
            )

    def _check_form(self, wanted: Wanted, record: Record, where: str) -> None:
        if wanted.record is not None and not _is_taken(record, wanted.record):
            raise RequestError(
                f"{wanted.record} for {wanted.key}",
                found=f"{record} {where}",
                mend="choose another source",
            )

    def open(self, wanted: Wanted, version: Callable[[], DatasetVersion]) -> GivenSource:
        uri, manifest = version()
        self.check_rows(wanted, manifest)
        split = open_split(uri, manifest, self.split)
        return SplitRows(split, self, manifest.version, wanted.what, wanted.record, wanted.seed)


def _is_taken(record: Record, wanted: Record) -> bool:
    """Whether rows of some form can be given where another is wanted: images are pictures, grey ones
    also in colour.
    """
    if wanted.fixed:
        return record.bare == wanted
    return record.pictures and record.shape[-1] in (1, *wanted.shape)


@dataclass(frozen=True)
class SplitRows(GivenSource):
    """The values of the source: the records of a split, or its labels."""

    split: Split
    config: Config
    version: str
    """The dataset version's id."""
    what: Literal["label", "record", "text"]
    wanted: Record | None
    """Of a record."""
    seed: int

    @property
    def identity(self) -> dict[str, Any]:
        return {"version": self.version, **self.config.model_dump(mode="json")}

    def values(self, ids: range) -> npt.NDArray[Any]:
        found = read_rows(self.split, ids.start, ids.stop)
        if self.what == "text":
            form = self.split.record.caption or self.split.record
            tokens = found.data if found.caption is None else found.caption
            return TextRecord(tokenizer=form.tokenizer).to_stored(tokens)
        if self.wanted is None:
            return found.label
        kind, data = self.config.damage, found.data
        if kind is not None:
            parts = [slice(first, first + AT_ONCE) for first in range(0, len(data), AT_ONCE)]
            ids = ids[: len(data)]
            damaged = [self._damaged(data[part], ids[part], kind) for part in parts]
            data = np.concatenate([data[:0], *damaged])
        if self.wanted.fixed:
            return data
        times = self.wanted.shape[0] // self.split.record.shape[-1]
        return as_objects([image.repeat(times, axis=-1) for image in data])

    def _damaged(self, stored: npt.NDArray[Any], ids: range, kind: Damage) -> npt.NDArray[Any]:
        from sparkgen.layers.corruption import corrupt, corruption_noise

        record = self.split.record
        spec = corruption_noise(record.shape, kind)
        noise = row_noise(spec, ids, seed=self.seed, stream=Stream.SAMPLE, name="damage")
        seen = corrupt(record.to_model(stored), noise, kind=kind, amount=self.config.amount)
        return record.to_stored(np.asarray(seen))
