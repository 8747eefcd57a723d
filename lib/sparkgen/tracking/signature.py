"""Says the columns and parameters of a registered sampler, in MLflow's terms, with an example."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.options import typed
from sparkgen.datasets.record_entry import RecordEntry
from sparkgen.datasets.records import KINDS, Record

COLUMN_TYPES = {"label": "any", "record": "binary", "text": "string"}
"""Of the sampler's columns, by what is given. MLflow's server makes 1 of 1.5 in a column of type `long`;
of `any` it hands on what came, and the sampler refuses what is no integer."""
FORMATS = ("png", "array")
"""Of pictures in an answer: PNG files in base64, or their pixels, row major."""
EXAMPLE_ROWS = 2


def signature(description: Mapping[str, Any], sampling: SamplingConfig) -> Any:
    """The columns and parameters of a sampler, as an MLflow `ModelSignature`.

    Parameters have the types of the model's own defaults, however the request spells its values.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    inputs = [_column("any", "id")]
    for name, given in description.get("given", {}).items():
        # A label that is not given is that of the model's own turn.
        required = given.get("required", True) and given["what"] != "label"
        inputs.append(_column(COLUMN_TYPES[given["what"]], name, required=required))
    params: dict[str, Any] = {"seed": sampling.seed, "batch_rows": sampling.batch_rows}
    if KINDS[_made(description)].pictures:
        params["format"] = FORMATS[0]
    defaults = description["generate_options"]
    options = {k: typed(sampling.options.get(k, v), v) for k, v in defaults.items()}
    figures = [ColSpec("double", f"figure_{name}") for name in description.get("figure_names", ())]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema([_column("long", "id"), *_outputs(description), *figures]),
        params=ParamSchema(
            [ParamSpec(k, _type_name(v), v, _shape(v)) for k, v in (params | options).items()]
        ),
    )


def _made(description: Mapping[str, Any]) -> str:
    """The kind of the records that a model makes."""
    return str(description.get("makes", description["spec"]).get("kind", "image"))


def _outputs(description: Mapping[str, Any]) -> list[Any]:
    """The columns of an answer between `id` and the figures."""
    labels = [
        _column("long", name, required=given.get("required", True))
        for name, given in description.get("given", {}).items()
        if given["what"] == "label"
    ]
    kind = _made(description)
    if kind == "text":
        return [*labels, _column("string", kind)]
    record = _column("string" if KINDS[kind].pictures else "integers", kind)
    return [*labels, _column("integers", "shape"), record]


def pixel_types(signature: Any) -> str:
    """The columns of a sampler's answer whose pictures are pixels, as Spark spells a type.

    Args:
        signature: the sampler's `ModelSignature`.

    Returns:
        Such as `id long, shape array<int>, image array<int>`; empty: it makes no pictures.
    """
    if "format" not in {param.name for param in signature.params}:
        return ""
    kinds = {
        column.name: getattr(column.type, "name", "array<int>") for column in signature.outputs
    }
    kinds |= {name: "array<int>" for name in kinds if name in KINDS}
    return ", ".join(f"{name} {kind}" for name, kind in kinds.items())


def _column(kind: str, name: str, *, required: bool = True) -> Any:
    from mlflow.types import ColSpec
    from mlflow.types.schema import AnyType, Array

    kinds = {"any": AnyType, "integers": lambda: Array("integer")}
    return ColSpec(kinds[kind]() if kind in kinds else kind, name, required=required)


def example(description: Mapping[str, Any]) -> Any:
    """Rows that a client could send, as a pandas `DataFrame`: the first labels, dark pictures, a word."""
    import pandas as pd

    columns: dict[str, list[Any]] = {"id": list(range(EXAMPLE_ROWS))}
    for name, given in description.get("given", {}).items():
        values = _examples(given, labels_seen(description))
        columns[name] = [values[n % len(values)] for n in range(EXAMPLE_ROWS)]
    return pd.DataFrame(columns)


def labels_seen(description: Mapping[str, Any]) -> list[int]:
    """The labels that can be asked for: those that training saw."""
    spec = description["spec"]
    return list(spec.get("seen") or range(spec["classes"]))


def _examples(given: Mapping[str, Any], labels: Sequence[int]) -> Sequence[Any]:
    """Values of one thing that is given to a model."""
    if given["what"] == "label":
        return range(given["choices"]) if given.get("choices") else labels
    if given["what"] == "text":
        return ["The"]
    form = {name: given[name] for name in RecordEntry.model_fields if name in given}
    record = RecordEntry.model_validate(form).record
    return [_picture(record) if record.alone else bytes(record.row_bytes)]


def _picture(record: Record) -> bytes:
    """A small grey picture, as a file."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.new("L" if record.shape[0] == 1 else "RGB", (64, 64), 0).save(buffer, "png")
    return buffer.getvalue()


def _type_name(value: Any) -> str:
    if isinstance(value, list | tuple):  # empty ones are of texts
        value = value[0] if value else ""
    # bool before int, which it is a kind of.
    kinds = ((bool, "boolean"), (int, "long"), (float, "double"), (str, "string"))
    for kind, name in kinds:
        if isinstance(value, kind):
            return name
    raise ValueError(f"an option of generate is a bool, int, float, str or list, found {value!r}")


def _shape(value: Any) -> tuple[int, ...] | None:
    return (-1,) if isinstance(value, list | tuple) else None
