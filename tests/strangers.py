"""A registered sampler, loaded by a process in which sparkgen is not installed."""

import json
import subprocess
import sys
from pathlib import Path

from sparkgen.config.environment import EnvironmentConfig
from sparkgen.tracking.registry import ModelVersion
from sparkgen.tracking.server import tracking_uri

# -I leaves out PYTHONPATH and the working directory; the finder of an editable install goes too.
STRANGER = """
import json, sys
sys.meta_path = [f for f in sys.meta_path if "editable" not in repr(f).lower()]
sys.path = [p for p in sys.path if p not in json.loads(sys.argv[3])]
try:
    import sparkgen
    sys.exit("sparkgen is installed here: " + sparkgen.__file__)
except ModuleNotFoundError:
    pass
import mlflow, pandas as pd
mlflow.set_tracking_uri(sys.argv[1])
model = mlflow.pyfunc.load_model(sys.argv[2])
frame, params = pd.DataFrame(json.loads(sys.argv[4])), json.loads(sys.argv[5])
if "format" in {one.name for one in model.metadata.get_params_schema().params}:
    params["format"] = "array"
out = model.predict(frame, params=params)
record = [name for name in out.columns if not name.startswith("figure_")][-1]
cells = [cell.encode() if isinstance(cell, str) else cell.tobytes() for cell in out[record]]
print(json.dumps([[int(i), cell.hex()] for i, cell in zip(out["id"], cells)]))
"""


def sample_as_a_stranger(
    environment: EnvironmentConfig, version: ModelVersion, frame: dict, params: dict
) -> list[tuple[int, bytes]]:
    """Ids and records of what the sampler gives for a frame's columns; of texts their UTF-8."""
    own = [path for path in sys.path if Path(path, "sparkgen", "__init__.py").exists()]
    arguments = [tracking_uri(environment), version.uri]
    arguments += [json.dumps(value) for value in (own, frame, params)]
    done = subprocess.run(
        [sys.executable, "-I", "-c", STRANGER, *arguments], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-3000:]
    rows = json.loads(done.stdout.splitlines()[-1])
    return [(i, bytes.fromhex(image)) for i, image in rows]
