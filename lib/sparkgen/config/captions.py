"""Defines the section `captions` of a dataset file: where what is said of each picture comes from."""

from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator

from sparkgen.config.strict import Strict

Thresholds = tuple[float, float]


class CaptionsSection(Strict):
    """What is said of each picture, in words. A word is a token; the words are those of the captions of
    all splits. A picture without a caption has an empty one, which is counted and told.
    """

    kind: Literal["text_files", "column", "drawn"]
    """`text_files`: the file beside each picture with its name and the ending `.txt`, in UTF-8.
    `column`: a column of the table. `drawn`: written from the class, and how thick, slanted and large its
    strokes are, such as `a small thick seven leaning right`."""
    length: Annotated[int, Field(gt=0, le=4096)] = 16
    """T, the most words of a caption; what stands after them is left out, which is counted and told."""
    words: Annotated[int, Field(gt=0, le=65_534)] = 8192
    """The most words that have a token: the most frequent ones."""
    column: str | None = None
    """The column of strings, for `kind: column`."""
    names: tuple[str, ...] | None = None
    """For `drawn`: what the classes are called in a caption; null: by their names."""
    width: Thresholds | None = None
    """For `drawn`: a stroke below the first of these widths in pixels is `thin`, from the second on
    `thick`, between them `medium`; null: nothing is said of it."""
    slant: Thresholds | None = None
    """For `drawn`: a slant in degrees below the first is `leaning left`, from the second on `leaning
    right`, between them `upright`; null: nothing is said of it."""
    size: Thresholds | None = None
    """For `drawn`: a box around the strokes whose sides have a geometric mean in pixels below the first
    is `small`, from the second on `large`, and nothing is said of one between them; null: of none."""
    omit: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """For `drawn`: the share of captions in which each of width, slant and size is not spoken of, chosen
    by `seed` and the picture."""
    leave_out: tuple[str, ...] = ()
    """For `drawn`: a picture whose whole caption has all words of one of these phrases, such as `thick
    seven leaning right`, is left out of the data set, which is counted."""

    @field_validator("names", "width", "slant", "size", "leave_out", mode="before")
    @classmethod
    def _sequences_are_tuples(cls, value: Any) -> Any:
        return tuple(value) if isinstance(value, list) else value

    @model_validator(mode="after")
    def _keys_fit_the_kind(self) -> "CaptionsSection":
        of_kind = {
            "column": {"column"},
            "drawn": {"names", "width", "slant", "size", "omit", "leave_out"},
        }
        fields = type(self).model_fields
        stated = {key for key, field in fields.items() if getattr(self, key) != field.default}
        for kind, keys in of_kind.items():
            if kind != self.kind and (wrong := sorted(stated & keys)):
                raise ValueError(f"{wrong[0]} has no meaning for captions of the kind {self.kind}")
        if self.kind == "column" and self.column is None:
            raise ValueError("column must name the column of the captions")
        for name in ("width", "slant", "size"):
            thresholds = getattr(self, name)
            if thresholds is not None and thresholds[0] > thresholds[1]:
                raise ValueError(f"{name} must be two rising numbers, found {list(thresholds)}")
        return self
