"""Makes the weights file of a flagship from a saved model, such as the folder `model` of a run.

python -m benchmarks.pretrained EXPERIMENT MODEL_FOLDER [--file NAME.npz]

`pretrained/EXPERIMENT.yaml` says what the weights are, and must be there; the name of the file and its
SHA-256 are written into it.
"""

import argparse
from pathlib import Path

import yaml

from sparkgen.datasets.files import digest
from sparkgen.models.saving import load_model
from sparkgen.training.weights import encode

FOLDER = Path("pretrained")


def main() -> None:
    """Writes one weights file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("experiment")
    parser.add_argument("model", help="the folder of a saved model")
    parser.add_argument("--file", help="the weights file; without it EXPERIMENT.npz")
    options = parser.parse_args()
    file, note = options.file or f"{options.experiment}.npz", FOLDER / f"{options.experiment}.yaml"
    data = encode(load_model(options.model))
    (FOLDER / file).write_bytes(data)
    values = yaml.safe_load(note.read_text()) | {"weights": file, "sha256": digest(data)}
    note.write_text(yaml.safe_dump(values, sort_keys=False, allow_unicode=True, width=100))


if __name__ == "__main__":
    main()
