"""Images a second out of PixelCNN: each pixel from what it needs, and from the whole image anew.

python -m benchmarks.pixel_sampling [--rounds N] [--quick]

Both sides draw 28×28 images from the same noise and the same weights (seeded, untrained: they do not
matter for the time) as compiled loops. The plain loop computes all logits of the image for every
pixel; it is timed where it is fastest, in float32 and TensorFlow's own executor, and first compared
with ours, bit for bit, in float64.
"""

from typing import Any

import numpy as np

from benchmarks.harness import Side, arguments, compare, report

SHAPE = (28, 28, 1)
OPTIONS = {"features": 16, "blocks": 7}  # of conf/experiments/pixel_cnn_mnist.yaml


def main() -> None:
    """Runs the comparison."""
    options = arguments(__doc__)
    rows = 4 if options.quick else 16
    model = make_model()
    noise = draw_noise(model, rows)
    if not np.array_equal(model.generate(noise[:2]), model.generate_plainly(noise[:2])):
        raise SystemExit("the two samplers draw different images")
    plainly = plain_loop(model)
    sides = [
        Side("sparkgen", lambda: wait(model.generate(noise))),
        Side("plain loop", lambda: wait(plainly(noise))),
    ]
    report("pixel sampling", compare("PixelCNN", sides, rows=rows, rounds=options.rounds))


def make_model() -> Any:
    """A PixelCNN none of whose weights is zero."""
    import keras

    from sparkgen.datasets.records import DataSpec, ImageRecord
    from sparkgen.models.discovery import build_model

    keras.utils.set_random_seed(0)
    return build_model("autoregressive.pixel_cnn", OPTIONS, DataSpec(ImageRecord(SHAPE), 10))


def plain_loop(model: Any) -> Any:
    """The whole network for each pixel, in float32."""
    from sparkgen.layers.compiled import compiled
    from sparkgen.layers.raster import draw_image_plainly

    def draw(uniform: Any) -> Any:
        return draw_image_plainly(model.logits, uniform, levels=model.levels, dtype="float32")

    return compiled(draw, xla=False)


def draw_noise(model: Any, rows: int) -> Any:
    """The noise of the first samples of seed 0."""
    from sparkgen.noise import row_noise

    return row_noise(model.noise, range(rows), seed=0)


def wait(images: Any) -> None:
    """Returns when the images are there."""
    np.asarray(images)


if __name__ == "__main__":
    main()
