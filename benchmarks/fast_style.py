"""Seconds for a picture in the manner of the Great Wave: by the network, and by steps on the pixels.

python -m benchmarks.fast_style [--data DIR] [--root DIR] [--rounds N] [--size PIXELS] [--many N]

It first trains conf/experiments/fast_style_great_wave.yaml below --root, unless a model of it is there.
Two photographs, of a beach and of a bridge, are scaled to a longer side of --size pixels. Steps are those
of optimised.style_transfer at that size alone, with the network's own style and weights of the losses.
There are four sides: the network; as many steps as bring the loss below the network's, found by
bisection, from white noise, as Gatys et al. 2016 and Johnson et al. 2016 begin; as many from the
photograph itself, as style_transfer begins; and --many steps from noise, as Johnson et al. compare their
network with 500. All are compiled before they are timed. The pictures are written to the folder
`pictures` of --root.
"""

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.harness import Side, compare, report

EXPERIMENT = "fast_style_great_wave"
CONF = f"conf/experiments/{EXPERIMENT}.yaml"
PHOTOGRAPHS = ("beach-city", "bridge")
MOST = 1000


def main() -> None:
    """Runs the comparison."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", default="../shared/data", help="folder of bsds500.zip and photos")
    parser.add_argument("--root", default="runs", help="where the model is, or will be")
    parser.add_argument("--rounds", type=int, default=3, help="counted rounds (%(default)s)")
    parser.add_argument("--size", type=int, default=512, help="pixels of the longer side")
    parser.add_argument(
        "--rate", type=float, help="of the steps; that of style_transfer by default"
    )
    parser.add_argument("--many", type=int, default=500, help="steps of the last side; 0: none")
    options = parser.parse_args()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ["SPARKGEN_DATA"] = options.data
    model = trained(options.root)
    rate = options.rate or default_rate()
    cases = []
    for name in PHOTOGRAPHS:
        picture = photograph(Path(options.data) / "photos" / f"{name}.jpg", options.size)
        case = f"{name}, {picture.shape[2]} x {picture.shape[1]} pixels"
        folder = Path(options.root) / "pictures" / name
        sides = sides_of(model, picture, folder, rate=rate, many=options.many)
        cases.append(compare(case, sides, rows=1, rounds=options.rounds))
    report("fast style", *cases)


def sides_of(model: Any, picture: Any, folder: Path, *, rate: float, many: int) -> list[Side]:
    """The sides for a photograph; what they make is written to a folder, and its losses are printed."""
    noise = np.random.default_rng(0).uniform(size=picture.shape).astype(np.float32)
    paint = partial(model.generate, np.zeros((1, 0), np.float32), {"picture": picture})
    fast = np.asarray(paint())
    of_noise, of_picture = (Steps(model, picture, x, rate) for x in (noise, picture))
    loss = of_noise.loss(fast)
    few, fewer = of_noise.least_steps(loss), of_picture.least_steps(loss)
    slow = {
        f"{few} steps from noise, at its loss": partial(of_noise, few),
        f"{fewer} steps from the picture, at its loss": partial(of_picture, fewer),
    }
    if many:
        slow[f"{many} steps from noise"] = partial(of_noise, many)
    made = {"network": fast, **{name: make() for name, make in slow.items()}}
    save(made, folder)
    for name, x in made.items():
        print(f"  {folder.name}, {name}: {of_noise.losses(x)}", file=sys.stderr)
    return [
        Side("network", partial(wait, paint)),
        *(Side(name, partial(wait, make)) for name, make in slow.items()),
    ]


class Steps:
    """Style transfer by steps on the pixels of a picture, with the losses of a trained network.

    Args:
        model: the trained network.
        picture: (1, H, W, 3).
        start: the picture that it begins with, of the same shape.
        rate: how long a step is, in pixel range [0, 1].
    """

    def __init__(self, model: Any, picture: Any, start: Any, rate: float) -> None:
        from sparkgen.layers.compiled import compiled

        self.model, self.picture, self.start, self.rate = model, picture, start, rate
        self.descend = compiled(self._descend, xla=False)
        self.measured = compiled(self._terms, xla=False)

    def __call__(self, steps: int) -> Any:
        """The picture after some steps."""
        from keras import ops

        return np.asarray(self.descend(ops.convert_to_tensor(steps, "int32")))

    def losses(self, x: Any) -> dict[str, float]:
        """The terms of the loss of a picture, with their weights."""
        return {name: float(term[0]) for name, term in self.measured(x).items()}

    def loss(self, x: Any) -> float:
        """Their sum."""
        return sum(self.losses(x).values())

    def least_steps(self, loss: float) -> int:
        """The fewest steps that bring the loss so low."""
        high = 1
        while self.loss(self(high)) > loss:
            high *= 2
            if high > MOST:
                raise SystemExit(f"the loss {loss:.4f} is not reached by {high // 2} steps")
        low = high // 2
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self.loss(self(middle)) > loss else (low, middle)
        return high

    def _descend(self, steps: Any) -> Any:
        from keras import ops

        from sparkgen.layers.optimisation import minimise

        def within(at: tuple[Any, ...]) -> tuple[Any, ...]:
            return (ops.clip(at[0], 0.0, 1.0),)

        def loss(_: Any, at: tuple[Any, ...]) -> Any:
            return sum(self._terms(at[0]).values())

        start = (ops.convert_to_tensor(self.start),)
        return minimise(loss, start, steps=steps, rate=self.rate, within=within)[0]

    def _terms(self, x: Any) -> Mapping[str, Any]:
        terms = self.model.terms_of(x, self.picture)
        return {name: terms[name] for name in self.model.loss_names}


def default_rate() -> float:
    """How long a step of style_transfer is where a request does not say it."""
    from sparkgen.models.optimised.style_transfer import StyleTransfer

    return float(StyleTransfer.generate_options["rate"])


def trained(root: str) -> Any:
    """The newest model of the experiment, which is trained where there is none."""
    from sparkgen.config.load import load_experiment
    from sparkgen.errors import SparkgenError
    from sparkgen.notebook import challenger

    experiment = load_experiment(CONF, env="local", root=root)
    try:
        return challenger(experiment)
    except SparkgenError:
        command = [sys.executable, "-m", "sparkgen.cli"]
        for step in ("ingest", "train"):
            path = "conf/datasets/bsds500_192.yaml" if step == "ingest" else CONF
            subprocess.run([*command, step, path, "--root", root], check=True)
        return challenger(experiment)


def photograph(path: Path, size: int) -> Any:
    """A photograph whose longer side has `size` pixels: float32 (1, H, W, 3) in [0, 1]."""
    from keras import ops
    from PIL import Image

    with Image.open(path) as image:
        image.thumbnail((size, size))
        return ops.convert_to_tensor(np.asarray(image.convert("RGB"), np.float32)[None] / 255)


def wait(make: Callable[[], Any]) -> None:
    """Makes a picture, and returns when it is there."""
    np.asarray(make())


def save(made: Mapping[str, Any], folder: Path) -> None:
    """Writes pictures as PNG files by their names."""
    from sparkgen.datasets.images import to_png
    from sparkgen.drawing.pixels import to_uint8

    folder.mkdir(parents=True, exist_ok=True)
    for name, x in made.items():
        file = name.partition(",")[0].replace(" ", "-") + ".png"
        (folder / file).write_bytes(to_png(to_uint8(x[0])))


if __name__ == "__main__":
    main()
