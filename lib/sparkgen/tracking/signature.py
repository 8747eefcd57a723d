"""Says the columns and parameters of a registered sampler, in MLflow's terms."""

from collections.abc import Mapping
from typing import Any

from sparkgen.config.experiment import SamplingConfig
from sparkgen.config.options import typed

COLUMN_TYPES = {"label": "long", "record": "binary", "text": "string"}
"""Of the sampler's columns, by what is given."""


def signature(description: Mapping[str, Any], sampling: SamplingConfig) -> Any:
    """The columns and parameters of a sampler, as an MLflow `ModelSignature`.

    Parameters have the types of the model's own defaults, however the request spells its values.
    """
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

    inputs = [ColSpec("long", "id")]
    for name, given in description.get("given", {}).items():
        # A label that is not given is that of the model's own turn.
        required = given.get("required", True) and given["what"] != "label"
        inputs.append(ColSpec(COLUMN_TYPES[given["what"]], name, required=required))
    params = {"seed": sampling.seed, "batch_rows": sampling.batch_rows}
    defaults = description["generate_options"]
    options = {k: typed(sampling.options.get(k, v), v) for k, v in defaults.items()}
    made = description.get("makes", description["spec"]).get("kind", "image")
    figures = [ColSpec("double", f"figure_{name}") for name in description.get("figure_names", ())]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema(
            [
                ColSpec("long", "id"),
                ColSpec("string" if made == "text" else "binary", made),
                *figures,
            ]
        ),
        params=ParamSchema(
            [ParamSpec(k, _type_name(v), v, _shape(v)) for k, v in (params | options).items()]
        ),
    )


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
