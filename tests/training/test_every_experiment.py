"""Every model that learns by gradient trains the same on one and on two workers."""

from itertools import chain
from pathlib import Path

import keras
import pytest
import yaml
from parts import is_of_text, names_that_learn, outlined, words
from tiny_version import CAPTION, request, without_clock, write_texts, write_version
from training_functions import train_each

from sparkgen.catalogue import example_parts
from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.distribution.launcher import launch
from sparkgen.models.discovery import build_part
from sparkgen.models.saving import save_model
from sparkgen.pipeline.pictures import leave_pictures, pictures_of
from sparkgen.training.request import part_uri

CONF = Path(__file__).parents[2] / "conf" / "experiments"
LEARN = names_that_learn("gradient")
# Dropout draws random numbers of each worker's own. A bias before a batch normalisation, or before a
# relu whose units are all on, has no gradient but rounding errors, of which Adam makes whole steps.
SMALL = {"channels": [8], "embedding": 8}
INSTEAD = {
    "vq_vae_digits": {"optimizer": {"name": "sgd", "learning_rate": 1e-4}},
    "full_classifier_digits": {
        "options": {"filters": 8, "hidden": 16, "dropout": 0.0},
        "optimizer": {"name": "sgd", "learning_rate": 0.05},
    },
    "robust_classifier_digits": {
        "options": {
            **{"filters": 8, "hidden": 16, "dropout": 0.0},
            "adversarial_training": {"epsilon": 0.2, "step_size": 0.1, "steps": 2},
        },
        "optimizer": {"name": "sgd", "learning_rate": 0.05},
    },
    "adversarial_patch_digits": {"options": {"target": 1}},  # of three classes
    # One level of few channels is traced in half the time, and workers share no more of two.
    "prompted_ddpm_digits": {"options": {**SMALL, "prompts": True}},
    "ddpm_ancestral_digits": {
        "options": {**SMALL, "prediction": "epsilon", "schedule": "linear", "guide_channels": [8]}
    },
}
# Tracing a diffusion model takes long, and `prompted_ddpm_digits` is this one with prompts beside it.
WITHIN_ANOTHER = ["ddpm_digits"]
PICTURES = DataSpec(ImageRecord((8, 8, 1), caption=CAPTION), 3)
TEXTS = DataSpec(TokenRecord((9,), words().size, words()), 3)


def spec_of(name):
    """The records of the tests that a model is for."""
    return TEXTS if is_of_text(name) else PICTURES


def trainings():
    """Model, options and optimizers of all experiments that need no download, by name."""
    found = {}
    paths = [CONF.glob(f"*_{data}.yaml") for data in ("digits", "descriptions", "sentences")]
    for path in sorted(chain(*paths)):
        experiment = yaml.safe_load(path.read_text())
        model, training = experiment["model"], experiment.get("training", {})
        # Of the others Spark sums the counts, whatever the partitions, or there is nothing to learn.
        if model["name"] not in LEARN or path.stem in WITHIN_ANOTHER:
            continue
        own = {
            key: training[key]
            for key in ("optimizer", "optimizers", "ema_momentum")
            if key in training
        }
        found[path.stem] = {
            "model": model["name"],
            "options": model.get("options", {}),
            **own,
            **INSTEAD.get(path.stem, {}),
        }
    # Averaged weights with batch statistics of their own, which no experiment on the digits has.
    found["averaged_dcgan"] = {**found["dcgan_digits"], "ema_momentum": 0.9}
    return found


TRAININGS = trainings()


def leave_parts(asked):
    """Puts the parts of a requested model where its training looks for them."""
    model = asked["experiment"]["model"]
    for name, one in example_parts(model["name"], spec_of(model["name"])).items():
        keras.utils.set_random_seed(0)
        uri = part_uri(asked["checkpoint_uri"], name)
        save_model(uri, build_part(one), name=one.name, options=one.options)
        model.setdefault("parts", {})[name] = "any"


def leave_its_pictures(asked):
    """Puts the pictures that a requested model is trained by where its training looks for them."""
    model = asked["experiment"]["model"]
    model_outline = outlined(model["name"], model["options"], spec_of(model["name"]))
    leave_pictures(pictures_of(model_outline), asked["checkpoint_uri"])


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """The results of all trainings by number of workers."""
    folder = tmp_path_factory.mktemp("data")
    pictures = write_version(folder, train=96, shape=(8, 8, 1), captioned=True)
    texts = write_texts(tmp_path_factory.mktemp("texts"), TEXTS.record)

    def run(workers):
        folder = tmp_path_factory.mktemp(f"on-{workers}")
        requests = {
            name: request(
                texts if is_of_text(training["model"]) else pictures,
                folder / name,
                **{"epochs": 2, "batch_size": 16, **training},
            )
            for name, training in TRAININGS.items()
        }
        for asked in requests.values():
            leave_parts(asked)
            leave_its_pictures(asked)
        where = "local" if workers > 1 else "in-process"
        return launch(train_each, requests, workers=workers, where=where, threads_per_worker=1)

    return {workers: run(workers) for workers in (1, 2)}


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAININGS)
def test_two_workers_have_the_losses_of_one(results, name):
    one, two = (without_clock(results[workers][name]["history"]) for workers in (1, 2))
    assert len(one) == len(two) == 2
    for mine, theirs in zip(one, two, strict=True):
        # A difference of two terms may come near 0; it is as exact as the loss is.
        assert mine == pytest.approx(theirs, rel=1e-4, abs=1e-4 * abs(theirs["loss"]))
