"""Measures the challenger on the whole test split.

    spark-submit --master spark://MASTER:7077 jobs/evaluate.py conf/experiments/vae_mnist.yaml

The arguments are those of `sparkgen evaluate`; `--help` names them. The executors need this package too:
README.md has the ways to it, under "On a cluster".
"""

import importlib.util
import sys
from pathlib import Path

if importlib.util.find_spec("sparkgen") is None:
    sys.path.insert(0, str(Path(sys.argv[0]).resolve().parents[1] / "lib"))

from sparkgen.cli import main

if __name__ == "__main__":
    main(["evaluate", *sys.argv[1:]])
