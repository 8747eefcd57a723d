"""What a registered sampler answers MLflow's server, and what it refuses."""

import base64
import io
import json
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
from mlflow.exceptions import MlflowException
from mlflow.models import validate_serving_input
from mlflow.pyfunc.scoring_server import invocations
from PIL import Image

from sparkgen.config.experiment import SamplingConfig
from sparkgen.datasets.records import KINDS
from sparkgen.models.portable import pack
from sparkgen.models.unpacking import unpack
from sparkgen.sampling.generate import Recipe, generate_rows
from sparkgen.sampling.sampler import Sampler
from sparkgen.tracking.signature import example, signature


def pixels_of(answer: dict[str, Any]) -> np.ndarray:
    with Image.open(io.BytesIO(base64.b64decode(answer["image"]))) as picture:
        return np.asarray(picture).reshape(answer["shape"])


@pytest.fixture(scope="module")
def saved(conditional_vae: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A sampler of pictures with labels, as MLflow saves it, with an example."""
    from sparkgen.pipeline.train import SAMPLER

    folder = tmp_path_factory.mktemp("saved") / "sampler"
    description = json.loads((conditional_vae / "model.json").read_text())
    mlflow.pyfunc.save_model(
        str(folder),
        python_model=str(SAMPLER),
        artifacts={"model": str(conditional_vae)},
        signature=signature(description, SamplingConfig(seed=5)),
        input_example=example(description),
        pip_requirements=[],
    )
    return folder


@pytest.fixture(scope="module")
def served(saved: Path) -> Any:
    """`served(body)`: the status and the answer of MLflow's server to a request."""
    model = mlflow.pyfunc.load_model(str(saved))

    def ask(body: Any) -> tuple[int, Any]:
        try:
            data, schema = json.dumps(body), model.metadata.get_input_schema()
            found = invocations(data, "application/json", model, schema)
        except MlflowException as error:
            return error.get_http_status_code(), error.message
        return found.status, json.loads(found.response)

    return ask


def rows(*cells: dict[str, Any], **params: Any) -> dict[str, Any]:
    return {"dataframe_records": list(cells), "params": params}


def test_the_server_answers_with_pictures_their_shapes_and_labels(
    served, conditional_vae: Path
) -> None:
    status, found = served(rows({"id": 3, "label": 7}, {"id": 250, "label": 1}))
    assert status == 200
    model, ids, labels = unpack(pack(conditional_vae)), [3, 250], np.array([7, 1])
    expected = generate_rows(model, ids, {"label": labels}, Recipe(5, 100, {})).data
    answers = found["predictions"]
    assert [(a["id"], a["label"], a["shape"]) for a in answers] == [
        (3, 7, [8, 8, 1]),
        (250, 1, [8, 8, 1]),
    ]
    assert np.array_equal([pixels_of(a) for a in answers], expected)
    _, as_arrays = served(rows({"id": 3, "label": 7}, {"id": 250, "label": 1}, format="array"))
    assert [a["image"] for a in as_arrays["predictions"]] == expected.reshape(2, -1).tolist()
    # Without a label it is that of the id's turn, and said so; whole floats and texts are integers.
    assert [a["label"] for a in served(rows({"id": 13.0}, {"id": 4}))[1]["predictions"]] == [3, 4]
    assert served(rows({"id": "13"}))[1]["predictions"][0]["label"] == 3
    assert served({"dataframe_split": {"columns": ["id"], "data": []}}) == (
        200,
        {"predictions": []},
    )


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (rows({"id": 1.5}), "integers as id, found 1.5"),
        ({"inputs": {"id": [1.5]}}, "integers as id, found 1.5"),
        ({"instances": [{"id": 1.5}]}, "integers as id, found 1.5"),
        ({"dataframe_split": {"columns": ["id"], "data": [[1.5]]}}, "integers as id, found 1.5"),
        (rows({"id": True}), "integers as id, found True"),
        (rows({"id": "one"}), "integers as id, found 'one'"),
        (rows({"id": [1]}), "integers as id"),
        (rows({"id": 10**30}), "integers as id"),
        (rows({"id": None}), "a value in every cell of the column id"),
        (rows({"id": -1}), "ids from 0 to [0-9]+, found -1"),
        (rows({"id": 2**63 - 1}), "ids from 0 to"),
        (rows({"id": 0, "label": 2.5}), "integers as label, found 2.5"),
        (rows({"id": 0, "label": 10}), "labels among 0, 1, .*found 10"),
        (rows({"id": 0, "label": 2**40}), f"labels among .*found {2**40}"),
        (rows({"id": 0}, batch_rows=10**8), "batch_rows from 1 to 10000, found 100000000"),
        (rows({"id": 0}, batch_rows=0), "batch_rows from 1 to 10000, found 0"),
        (rows({"id": 0}, batch_rows=1.5), "batch_rows.*1.5"),
        (rows({"id": 0}, seed=-1), "a seed from 0"),
        (rows({"id": 0}, seed=2**64), "integers as seed"),
        (rows({"id": 0}, format="gif"), "a format among png, array, found gif"),
        (rows({"id": 0, "image": "AAAA"}), "64 bytes in every cell of the column image.*found 3"),
        (rows({"label": 0}), "id"),
    ],
)
def test_what_cannot_be_answered_is_refused_with_status_400_and_one_line(
    served, body: dict[str, Any], words: str
) -> None:
    status, message = served(body)
    assert status == 400
    assert re.search(words, message), message
    assert "Traceback" not in message


@pytest.mark.parametrize(
    "three", [3, np.int64(3), np.uint8(3), np.float32(3), Decimal(3), Decimal("3.0"), "3"]
)
def test_a_whole_number_of_any_type_is_an_integer(saved_model, three: Any) -> None:
    sampler = Sampler()
    sampler.model = unpack(pack(saved_model("reconstruction.dense_autoencoder", latent=4)))
    frame = pd.DataFrame({"id": pd.Series([three], dtype=object)})
    assert sampler.predict(None, frame)["id"].tolist() == [3]


@pytest.mark.parametrize(
    "other",
    [True, np.bool_(True), Decimal("3.5"), Decimal("Infinity"), Decimal("1e99"), np.float32(0.5)],
)
def test_what_is_no_whole_number_is_none_of_any_type(saved_model, other: Any) -> None:
    sampler = Sampler()
    sampler.model = unpack(pack(saved_model("reconstruction.dense_autoencoder", latent=4)))
    frame = pd.DataFrame({"id": pd.Series([other], dtype=object)})
    with pytest.raises(MlflowException, match="integers as id, found"):
        sampler.predict(None, frame)


def test_an_option_that_counts_has_a_bound_though_its_model_states_none(saved_model) -> None:
    sampler = Sampler()
    sampler.model = unpack(pack(saved_model("reconstruction.denoising_autoencoder", latent=4)))
    frame = pd.DataFrame({"id": [0]})
    with pytest.raises(MlflowException, match="rounds up to 100000, found 1000000000"):
        sampler.predict(None, frame, {"rounds": 10**9})


def test_the_example_of_every_kind_of_input_fits_the_signature() -> None:
    given = {
        "label": {"what": "label"},
        "filter": {"what": "label", "choices": 3},
        "prompt": {"what": "text"},
        "image": {"what": "record", "kind": "image", "shape": [8, 8, 1]},
        "picture": {"what": "record", "kind": "picture", "shape": [3]},
    }
    spec = {"kind": "image", "shape": [8, 8, 1], "classes": 10, "seen": [4, 6]}
    for kind in KINDS:
        makes = {"kind": kind, "shape": [8, 8, 1]}
        described = {"spec": spec, "given": given, "generate_options": {}, "makes": makes}
        frame, found = example(described), signature(described, SamplingConfig())
        assert frame["label"].tolist() == [4, 6]
        assert frame["filter"].tolist() == [0, 1]
        assert len(frame["image"][0]) == 64
        mlflow.models.validate_schema(frame, found.inputs)
        assert ("format" in {p.name for p in found.params}) == (kind in ("image", "picture"))
        assert found.outputs.input_names()[-1] == kind
        assert "binary" not in {str(column.type) for column in found.outputs.inputs}


def test_the_logged_example_is_one_that_the_server_answers(saved: Path) -> None:
    model = mlflow.models.Model.load(saved)
    found = validate_serving_input(str(saved), model.get_serving_input(str(saved)))
    assert found["label"].tolist() == [0, 1]
