"""Writes the card of a model version: Markdown that says what it is, how good it is and how to use it."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

DESCRIPTION_CHARACTERS = 5000
"""As many as MLflow's database keeps of a version's description."""
CARD = "model_card.md"
"""The card among the artifacts of the run."""
Rows = Sequence[Sequence[str]]


class Column(NamedTuple):
    """A column of a sampler's input, or one of its parameters."""

    name: str
    kind: str
    """Its type, in MLflow's words."""
    default: Any = None
    """Of a parameter."""
    required: bool = True
    example: Any = None
    """Of a column of the input: a value with which the sampler answers."""


class Interface(NamedTuple):
    """How a sampler is called."""

    columns: Sequence[Column]
    """Of the input."""
    params: Sequence[Column]
    pixels: str = ""
    """The answer's columns and types, in Spark's words, where `format` asks for pixels; empty: it makes
    no pictures."""


class Card(NamedTuple):
    """What the card of a model version says."""

    uri: str
    """Of the version, such as `models:/vae_digits/1`."""
    run_id: str
    experiment_id: str
    """Of MLflow's experiment."""
    summary: str
    """What the model is, in one paragraph."""
    facts: Mapping[str, str]
    figures: Rows
    """Name, value, split, rows, protocol."""
    gates: Rows
    """Condition, and whether it holds."""
    sheets: Sequence[str]
    """Artifacts of the run that show samples."""
    picture: bytes | None
    """The first of these that is a PNG file; None: there is none, or it is large."""
    interface: Interface


def card(values: Card) -> str:
    """The whole card, with one sheet of samples in it, so that it can be read anywhere."""
    picture = ""
    if values.picture is not None:
        encoded = base64.b64encode(values.picture).decode("ascii")
        picture = f"![samples](data:image/png;base64,{encoded})"
    figures = _table(("figure", "value", "split", "rows", "protocol"), values.figures)
    samples = _samples([picture, *_links(values, values.sheets)])
    return _joined([*_head(values), *samples, *_measured(values, figures), *_use(values)])


def short_card(values: Card) -> str:
    """The card in as many characters as a version's description has; MLflow's pages fetch its picture.

    It says how many figures it leaves out, and that it leaves out more.
    """
    drawn = [sheet for sheet in values.sheets if sheet.endswith(".png")][:1]
    pictures = [f"![{one}](get-artifact?path={one}&run_uuid={values.run_id})" for one in drawn]
    samples = _samples([*pictures, *_links(values, (CARD, *values.sheets[:3]))])
    rows = [row[:4] for row in values.figures]
    while True:
        figures = _table(("figure", "value", "split", "rows"), rows)
        measured = _measured(values, figures, left_out=len(values.figures) - len(rows))
        blocks = [*_head(values), *samples, *measured, *_use(values)]
        text = _joined(blocks)
        if len(text) <= DESCRIPTION_CHARACTERS:
            return text
        if not rows:
            return _whole(blocks)
        rows = rows[: len(rows) // 2]


def _whole(blocks: Sequence[str]) -> str:
    """Those blocks, each whole, that a version's description has room for."""
    note = f"The rest stands in `{CARD}`."
    kept: list[str] = []
    for block in blocks:
        if len(_joined([*kept, block, note])) <= DESCRIPTION_CHARACTERS:
            kept.append(block)
    return _joined([*kept, note])


def _links(values: Card, names: Sequence[str]) -> list[str]:
    """Links to artifacts within MLflow's pages."""
    run = f"#/experiments/{values.experiment_id}/runs/{values.run_id}/artifacts"
    return [f"[{name}]({run}/{name})" for name in names]


def _joined(blocks: Sequence[str]) -> str:
    return "\n\n".join(block for block in blocks if block) + "\n"


def _head(values: Card) -> list[str]:
    facts = _table(("", ""), list(values.facts.items()))
    return [f"## {values.uri.removeprefix('models:/')}", values.summary, facts]


def _samples(links: Sequence[str]) -> list[str]:
    return ["### Samples", *links] if any(links) else []


def _measured(values: Card, figures: str, *, left_out: int = 0) -> list[str]:
    if not values.figures:
        return ["### Figures", "None yet: `sparkgen evaluate` measures them."]
    gates = _table(("gate", "holds"), values.gates)
    told = ["How each was measured says the column `protocol`, in the card among the artifacts."]
    if left_out:
        told.append(f"{left_out} of {len(values.figures)} figures stand only in `{CARD}`.")
    return ["### Figures", figures, *([] if "protocol" in figures else told), gates]


def _use(values: Card) -> list[str]:
    columns = _table(
        ("column", "type"),
        [
            (c.name, f"{_words(c.kind)}{'' if c.required else ', may be left out'}")
            for c in values.interface.columns
        ],
    )
    params = _table(
        ("parameter", "type", "default"),
        [(p.name, p.kind, f"`{json.dumps(p.default)}`") for p in values.interface.params],
    )
    return ["### How to use it", columns, params, *_calls(values), *_pixels(values)]


def _words(kind: str) -> str:
    return {"any": "integer", "binary": "bytes; base64 in JSON"}.get(kind, kind)


def _calls(values: Card) -> list[str]:
    shown = [c for c in values.interface.columns if c.required or c.kind == "any"]
    if any(c.example is None for c in shown):
        return []
    row = ", ".join(f"{c.name!r}: {_in_python(c.example)}" for c in shown)
    body = ", ".join(f"{json.dumps(c.name)}: {_in_shell(c.example)}" for c in shown)
    names = ", ".join(c.name for c in shown)
    imports = "import base64\n\n" if "b64decode" in row else ""
    return [
        f"""Python:

```python
{imports}import mlflow, pandas

sampler = mlflow.pyfunc.load_model("{values.uri}")
made = sampler.predict(pandas.DataFrame([{{{row}}}]), params={{"seed": 0}})
```""",
        f"""REST, from a server:

```sh
mlflow models serve -m {values.uri} --env-manager local --port 5001
```""",
        f"""```sh
curl http://127.0.0.1:5001/invocations -H 'Content-Type: application/json' -d @- <<END
{{"dataframe_records": [{{{body}}}], "params": {{"seed": 0}}}}
END
```""",
        f"""Spark and SQL:

```python
{imports}import mlflow
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.createDataFrame([{{{row}}}]).createOrReplaceTempView("asked")
sample = mlflow.pyfunc.spark_udf(spark, "{values.uri}", env_manager="local")
spark.udf.register("sample", sample)
made = spark.sql("SELECT made.* FROM (SELECT sample(struct({names})) AS made FROM asked)")
```""",
    ]


def _pixels(values: Card) -> list[str]:
    """How pictures come in an answer."""
    if not values.interface.pixels:
        return []
    return [
        "A picture is a PNG file in base64: `base64.b64decode` in Python, `unbase64` in Spark. "
        'The parameter `format` of `"array"` asks for its pixels, row major, and `spark_udf` needs their '
        f'type too: `params={{"format": "array"}}, result_type="{values.interface.pixels}"`.'
    ]


def _in_python(value: Any) -> str:
    if not isinstance(value, bytes):
        return repr(value)
    text = base64.b64encode(value).decode("ascii")
    return f'base64.b64decode("{text}")' if any(value) else f"bytes({len(value)})"


def _in_shell(value: Any) -> str:
    """A value as JSON in a text in which a shell fills in what commands print."""
    if not isinstance(value, bytes):
        return json.dumps(value)
    if any(value):
        return json.dumps(base64.b64encode(value).decode("ascii"))
    return f"\"$(head -c {len(value)} /dev/zero | base64 | tr -d '\\n')\""


def _table(header: Sequence[str], rows: Rows) -> str:
    if not rows:
        return ""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(_cell(cell) for cell in line)} |" for line in lines)


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())
