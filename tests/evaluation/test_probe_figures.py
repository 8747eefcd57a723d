"""Figures of linear probes, with real Spark, on 1,000 training and 400 test digits."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pyspark.sql import SparkSession

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure
from sparkgen.evaluation.linear_probe import correct, labelled_rows
from sparkgen.evaluation.probe_figures import probe_figures
from sparkgen.evaluation.probes import check_drawn, check_labels, check_probed, probe_figure_names
from sparkgen.models.discovery import build_model, outline
from sparkgen.models.portable import PortableModel, pack
from sparkgen.models.saving import save_model

SPEC = DataSpec(ImageRecord((8, 8, 1)), 10)
Probe = Callable[..., dict[str, Figure]]


def asked(**probe: object) -> EvaluationConfig:
    return EvaluationConfig.model_validate({"probe": probe})


@pytest.fixture(scope="module")
def probe(spark: SparkSession, split_version: DatasetVersion) -> Probe:
    """`probe(packed, partitions=None, labels=[...])`: the figures of probes of a model."""

    def run(packed: PortableModel, partitions: int | None = None, **keys: object):
        uri, manifest = split_version
        config = asked(**keys)
        return probe_figures(
            spark, packed, config, version_uri=uri, manifest=manifest, partitions=partitions
        )

    return run


def test_a_trained_classifiers_features_tell_digits_better_than_as_many_principal_components(
    probe: Probe, packed_classifier: PortableModel
) -> None:
    keys = {"labels": [40, "all"], "draws": 2, "rows": 300}
    found = probe(packed_classifier, **keys)
    assert set(found) == probe_figure_names(asked(**keys), SPEC.record)
    values = {name: figure.value for name, figure in found.items()}
    assert values["probe_accuracy_40"] > values["probe_pca_accuracy_40"] + 0.05
    assert values["probe_over_pca_40"] == pytest.approx(
        values["probe_accuracy_40"] - values["probe_pca_accuracy_40"]
    )
    assert 0.85 < values["probe_pixels_accuracy_all"] < 1
    assert values["probe_pixels_accuracy_40"] < values["probe_pixels_accuracy_all"] - 0.05
    assert (
        "40 labelled rows of 300, classes in turn, mean of 2" in found["probe_accuracy_40"].protocol
    )
    p = found["probe_pixels_accuracy_all"]
    assert (p.rows, p.split) == (300, "test")
    assert p.standard_error == pytest.approx((p.value * (1 - p.value) / 299) ** 0.5)
    few = {**keys, "labels": [40]}
    for partitions in (1, 7):
        for name, figure in probe(packed_classifier, partitions, **few).items():
            assert figure == found[name]


def test_latents_that_are_the_pixels_tell_as_much_as_they_do(probe: Probe, tmp_path: Path) -> None:
    options = {"latent": 64}
    model = build_model("reconstruction.linear_autoencoder", options, SPEC)
    model.encoder.layers[-1].set_weights([np.eye(64), np.zeros(64)])
    save_model(tmp_path, model, name="reconstruction.linear_autoencoder", options=options)
    found = probe(pack(tmp_path), labels=[50], draws=2)
    assert found["probe_accuracy_50"].value == found["probe_pixels_accuracy_50"].value
    # All components are a rotation of the pixels, which the penalty does not see.
    assert found["probe_over_pca_50"].value == pytest.approx(0, abs=0.005)
    assert "50 labelled rows of 1000" in found["probe_accuracy_50"].protocol
    assert found["probe_accuracy_50"].rows == 400


def test_a_model_without_latents_is_refused_by_the_task_that_meets_it(
    probe: Probe, tmp_path: Path
) -> None:
    options = {"hidden": [8]}
    save_model(
        tmp_path,
        build_model("autoregressive.made", options, SPEC),
        name="autoregressive.made",
        options=options,
    )
    with pytest.raises(RequestError, match=r"latents or features .* found autoregressive\.made"):
        probe(pack(tmp_path))


def test_an_encoder_that_is_given_the_labels_is_refused() -> None:
    check_probed(outline("variational.vae", {}, SPEC))
    check_probed(outline("discriminative.full_classifier", {}, SPEC))
    with pytest.raises(RequestError, match="vae, whose encoder is given the labels"):
        check_probed(outline("variational.vae", {"conditional": True}, SPEC))


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        ({"labels": [100, 1001]}, "expected 20 to 1000 labelled rows .* found 1001"),
        ({"labels": [400], "rows": 300}, "expected 20 to 300 labelled rows .* found 400"),
        ({"labels": [19]}, "two of each class.* found 19"),
        ({"labels": ["all"], "rows": 19}, r"20 rows or more in evaluation\.probe\.rows.* found 19"),
    ],
)
def test_numbers_of_labels_that_a_version_has_not_are_refused(
    split_version: DatasetVersion, keys: dict[str, object], line: str
) -> None:
    check_labels(asked(), split_version.manifest)
    with pytest.raises(RequestError, match=line):
        check_labels(asked(**keys), split_version.manifest)


def test_a_draw_without_two_rows_of_two_classes_is_refused_in_a_line() -> None:
    check_drawn(np.array([3, 0, 3, 0, 7]))
    for labels in ([0, 1, 2, 3, 4, 5], [1, 1, 1, 1, 1], [2, 2, 2, 0, 1]):
        with pytest.raises(RequestError, match=rf"rows draws, found fewer among {len(labels)}"):
            check_drawn(np.array(labels))


def test_so_many_labels_as_are_allowed_have_two_rows_of_each_class_that_has_two(
    split_version: DatasetVersion,
) -> None:
    """Classes of one row are drawn in turn with the others."""
    labels = np.array([0] * 40 + [1] * 40 + list(range(2, 10)))
    counts = dict(enumerate(np.bincount(labels).tolist()))
    split = split_version.manifest.splits["train"].model_copy(
        update={"rows": len(labels), "label_counts": counts}
    )
    manifest = split_version.manifest.model_copy(
        update={"splits": {**split_version.manifest.splits, "train": split}}
    )
    with pytest.raises(RequestError, match=r"expected 12 to 88 labelled rows .* found 11"):
        check_labels(asked(labels=[11]), manifest)
    check_labels(asked(labels=[12]), manifest)
    rows = labelled_rows(labels, 12, seed=0, draw=0)
    assert np.bincount(labels[rows]).tolist() == [2, 2] + 8 * [1]
    points = np.random.default_rng(0).normal(size=(88, 2)).astype(np.float32)
    assert correct(points[rows], labels[rows], points, labels).shape == (88,)


def test_probes_are_not_tested_on_the_rows_that_they_learn_from(
    split_version: DatasetVersion,
) -> None:
    config = asked().model_copy(update={"split": "train"})
    with pytest.raises(RequestError, match=r"as evaluation\.split, found train"):
        check_labels(config, split_version.manifest)
