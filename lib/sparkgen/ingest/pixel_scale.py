"""Turns numbers of arrays and tables into grey levels, by a scale that is stated or plain."""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field

from sparkgen.errors import RequestError
from sparkgen.ingest.source import ManyBad, Source

if TYPE_CHECKING:
    from sparkgen.config.dataset import DatasetConfig
    from sparkgen.ingest.layout import Summary
    from sparkgen.ingest.looking.shape_guess import White
    from sparkgen.ingest.looking.survey import Survey

SLACK = 1e-6  # of the range of values; single precision rounds 1 / 0.1 and the like by 1e-7
FRACTION, OUTSIDE = "fractional-value", "value-out-of-range"


class Scale(NamedTuple):
    """The scale of a source: the value that is white, and whether the configuration states it.

    Where it does not, values are grey levels as they are, so fractions are errors.
    """

    value_max: float = 255.0
    stated: bool = False

    def outside(self, values: Any) -> Any:
        """Which values are none from 0 to `value_max`, but for rounding; bool of the same shape."""
        import numpy as np

        if values.dtype == np.uint8 and self.value_max >= 255:
            return np.zeros(values.shape, np.bool_)
        slack = self.value_max * SLACK
        return ~((values >= -slack) & (values <= self.value_max + slack) & np.isfinite(values))

    def fractions(self, values: Any) -> Any:
        """Which values are no grey levels because they are no whole numbers; bool, the same shape."""
        import numpy as np

        if self.stated or values.dtype.kind != "f":
            return np.zeros(values.shape, np.bool_)
        return np.isfinite(values) & (values != np.rint(values))

    def levels(self, values: Any) -> Any:
        """Values as pixels: uint8 of the same shape, round(v / value_max * 255)."""
        import numpy as np

        if self.value_max == 255 and values.dtype.kind in "ui":
            return values.astype(np.uint8)
        return np.rint(np.clip(values / self.value_max, 0, 1) * 255).astype(np.uint8)

    def seen(self, values: Any) -> float | None:
        """The greatest of good values, where the scale is not stated: it may be another one."""
        return float(values.max()) if values.size and not self.stated else None


class ScaledSource(Source):
    """A source of numbers that are scaled to grey levels: the base of formats of arrays and tables."""

    value_max: Annotated[float, Field(gt=0)] = 255.0
    """The value that is white, such as 1.0: a value v becomes round(v / value_max * 255)."""

    def scale(self) -> Scale:
        """The scale of the configuration."""
        return Scale(self.value_max, "value_max" in self.model_fields_set)

    @abstractmethod
    def numbers(self, dataset: "DatasetConfig") -> "Iterator[Any]":
        """The values of the pictures as they are written, an array of some of them at a time."""

    def survey(self, dataset: "DatasetConfig", *, scratch: str) -> "Survey":
        """As of any source, with the scale that the values seem to have."""
        import numpy as np

        from sparkgen.ingest.looking.shape_guess import white_of
        from sparkgen.ingest.looking.survey import MOST_BYTES

        highest, whole, bytewise, size = 0.0, True, True, 0
        for values in self.numbers(dataset):
            finite = values[np.isfinite(values)]
            highest = max(highest, float(finite.max(initial=0)))
            whole = whole and values.dtype.kind != "f"
            bytewise = bytewise and values.dtype == np.uint8
            size += values.size
            if size > MOST_BYTES:
                break
        while True:
            white = white_of(highest, whole=whole, bytewise=bytewise)
            survey = self._survey(dataset, white, scratch)
            found = survey.too_many(OUTSIDE, FRACTION)  # beyond the records of the first look
            reached = max([highest, *(reach.high for reach in found.values())])
            seen = (reached, whole and FRACTION not in found, bytewise and not found)
            if seen == (highest, whole, bytewise):
                return survey
            highest, whole, bytewise = seen

    def _survey(self, dataset: "DatasetConfig", white: "White", scratch: str) -> "Survey":
        keys = {} if white.value_max is None else {"value_max": white.value_max}
        scaled = self.model_copy(update=keys)
        survey = super(ScaledSource, scaled).survey(dataset, scratch=scratch)
        return survey._replace(keys=keys, lines=(white.about,))

    def weigh(
        self, dataset: "DatasetConfig", parsed: "Sequence[Summary]", *, refused: bool
    ) -> None:
        highest = max((s.seen for s in parsed if s.seen is not None), default=0)
        if not refused and 0 < highest <= 1:
            raise RequestError(
                "values that reach about from 0 to 255",
                found=f"only 0 to {highest:g}, which would make every picture black",
                mend="set source.value_max to 1.0, or to 255.0 if they are meant so",
            )

    def contradiction(self, dataset: "DatasetConfig", bad: ManyBad) -> RequestError | None:
        reaches = [s.found[bad.reason] for s in bad.parsed if bad.reason in s.found]
        if bad.reason not in (FRACTION, OUTSIDE) or not reaches:
            return None
        low, high = min(r.low for r in reaches), max(r.high for r in reaches)
        seen = max([high, *(s.seen for s in bad.parsed if s.seen is not None)])
        white = 1.0 if seen <= 1 else 255.0 if seen <= 255 else seen
        what = "values that are no whole numbers" if bad.reason == FRACTION else "values"
        return RequestError(
            f"values from 0 to {self.value_max:g}",
            found=f"{what}, such as {low:g} and {high:g}, in {bad.number}",
            mend=f"set source.value_max to {white:g}, or correct the values; {bad.where}"
            if low >= 0
            else f"correct the values, of which none may be less than 0; {bad.where}",
        )
