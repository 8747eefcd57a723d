"""Figures of samples, with real Spark.

1,000 training digits, 400 test digits, and 397 more that stand for the samples of a good model.
"""

from collections.abc import Callable

import numpy as np
import pytest
from pyspark.sql import SparkSession
from sklearn.datasets import load_digits

from sparkgen.config.experiment import MEMORISATION_GATE, EvaluationConfig
from sparkgen.datasets.files import StoredFile
from sparkgen.datasets.manifest import DatasetVersion
from sparkgen.datasets.records import ImageRecord
from sparkgen.errors import RequestError
from sparkgen.evaluation.figures import Figure, comparable, difference
from sparkgen.evaluation.promotion import decide
from sparkgen.evaluation.sample_figures import appraise, judge_files, read_records
from sparkgen.models.portable import PortableModel
from sparkgen.models.unpacking import unpack

LABELS = load_digits(return_X_y=True)[1]
Appraise = Callable[..., dict[str, Figure]]
JUDGED = {"kid", "fid", "precision", "recall"}
JUDGED |= {"judge_confident", "judge_confident_held_out"}
JUDGED |= {"judge_classes_present", "judge_imbalance"}
UNJUDGED = {
    "memorised",
    "held_out_duplicates",
    "nearest_training_row",
    "nearest_training_row_held_out",
}


@pytest.fixture(scope="module")
def appraisal(spark: SparkSession, split_version: DatasetVersion) -> Appraise:
    """`appraisal(files, judge)`: the figures of samples in Parquet files."""

    def run(files: list[StoredFile], packed: PortableModel | None = None) -> dict[str, Figure]:
        uri, manifest = split_version
        return appraise(
            spark, files, packed, EvaluationConfig(), version_uri=uri, manifest=manifest
        )

    return run


@pytest.fixture(scope="module")
def fresh(appraisal: Appraise, rows_in_files, digit_ids, packed_classifier) -> dict[str, Figure]:
    """The figures of the digits that are in no split, in 2 files."""
    return appraisal(rows_in_files(digit_ids.fresh, files=2), packed_classifier)


def test_training_rows_given_as_samples_are_caught_and_not_promoted(
    appraisal: Appraise, rows_in_files, digit_ids
) -> None:
    found = appraisal(rows_in_files(digit_ids.train[:200]))
    assert set(found) == UNJUDGED
    assert found["memorised"].value == 1.0
    assert found["nearest_training_row"].value == pytest.approx(0, abs=1e-6)
    assert found["nearest_training_row_held_out"].value > 0.5
    verdict = decide((MEMORISATION_GATE,), found)
    assert verdict == (False, ["gates[0] memorised: 1 is above max 0.05"])


def test_a_tenth_of_copies_among_the_samples_is_found_and_not_promoted(
    appraisal: Appraise, rows_in_files, digit_ids
) -> None:
    mixed = np.concatenate([digit_ids.train[:20], digit_ids.fresh[:180]])
    found = appraisal(rows_in_files(mixed))["memorised"]
    assert 0.1 <= found.value < 0.15
    assert not decide((MEMORISATION_GATE,), {"memorised": found}).promoted


def test_images_of_neither_split_pass_the_gate_and_look_like_the_test_rows(
    fresh: dict[str, Figure],
) -> None:
    assert set(fresh) == JUDGED | UNJUDGED
    assert {figure.rows for figure in fresh.values()} == {397}
    assert decide((MEMORISATION_GATE,), fresh).promoted
    near, usual = fresh["nearest_training_row"], fresh["nearest_training_row_held_out"]
    assert near.value == pytest.approx(usual.value, rel=0.1)
    assert min(fresh["precision"].value, fresh["recall"].value) > 0.8
    assert fresh["judge_confident"].value > 0.8
    assert fresh["judge_classes_present"].value == 1.0
    assert fresh["judge_imbalance"].value < 0.15


def test_the_judge_agrees_with_the_labels_that_samples_were_made_by(
    spark: SparkSession, split_version: DatasetVersion, rows_in_files, digit_ids, packed_classifier
) -> None:
    uri, manifest = split_version
    files = rows_in_files(digit_ids.fresh[:60], files=2)
    at = {"version_uri": uri, "manifest": manifest, "labelled": True}
    found = appraise(spark, files, packed_classifier, EvaluationConfig(), **at)
    judged = judge_files(spark, packed_classifier, files)
    sure = judged.probabilities[np.arange(60), LABELS[digit_ids.fresh[:60]]] > 0.9
    assert found["judge_agrees"].value == pytest.approx(sure.mean())
    assert 0.5 < sure.mean() <= found["judge_confident"].value


def test_the_interval_of_the_kernel_distance_covers_zero_for_two_parts_of_one_set(
    fresh: dict[str, Figure],
) -> None:
    kid = fresh["kid"]
    assert kid.standard_error is not None
    assert 0 < kid.standard_error < 0.1
    assert abs(kid.value) < 2 * kid.standard_error


def test_the_test_set_lies_at_no_distance_from_itself_and_noise_lies_far(
    appraisal: Appraise, split_version: DatasetVersion, fresh, packed_classifier, rows_in_files
) -> None:
    uri, manifest = split_version
    itself = appraisal(manifest.split_files(uri, "test"), packed_classifier)
    assert itself["fid"].value == pytest.approx(0, abs=1e-6)
    assert (itself["precision"].value, itself["recall"].value) == (1.0, 1.0)
    assert itself["judge_confident_held_out"].value == itself["judge_confident"].value
    assert itself["memorised"].value <= 0.01
    pixels = np.random.default_rng(0).integers(0, 256, (397, 64)).astype(np.uint8)
    noise = appraisal(rows_in_files(np.arange(397), pixels=pixels), packed_classifier)
    assert noise["fid"].value > 10 * fresh["fid"].value > 0
    assert noise["kid"].value > 5 * noise["kid"].standard_error
    assert noise["recall"].value < fresh["recall"].value / 2
    assert noise["memorised"].value <= 0.05


def test_held_out_rows_that_are_training_rows_are_counted_and_told_and_hide_no_copy(
    spark: SparkSession, split_version: DatasetVersion, rows_in_files, digit_ids, caplog
) -> None:
    uri, manifest = split_version
    splits = manifest.splits | {"test": manifest.splits["train"]}
    twice = manifest.model_copy(update={"splits": splits})
    copies = rows_in_files(digit_ids.train[:40])
    found = appraise(spark, copies, None, EvaluationConfig(), version_uri=uri, manifest=twice)
    assert found["memorised"].value == 1.0
    assert found["held_out_duplicates"].value == 40.0
    assert "40 of 40 held-out rows are training rows too" in caplog.text
    assert "40 of them training rows and left out" in found["memorised"].protocol


def test_samples_need_not_show_a_class_that_training_had_not(
    spark: SparkSession, split_version: DatasetVersion, rows_in_files, digit_ids, packed_classifier
) -> None:
    uri, manifest = split_version
    train = manifest.splits["train"]
    train = train.model_copy(update={"label_counts": {**train.label_counts, 3: 0}})
    without_threes = manifest.model_copy(update={"splits": manifest.splits | {"train": train}})
    samples = rows_in_files(digit_ids.fresh[load_digits().target[digit_ids.fresh] != 3])
    found = appraise(
        spark,
        samples,
        packed_classifier,
        EvaluationConfig(),
        version_uri=uri,
        manifest=without_threes,
    )
    assert found["judge_classes_present"].value == 1.0
    assert found["judge_classes_present"].protocol.startswith("share of classes, 9 of 10, ")
    assert found["judge_imbalance"].value < 0.15


def test_figures_do_not_depend_on_how_the_samples_are_cut_into_files(
    appraisal: Appraise, rows_in_files, digit_ids, packed_classifier, fresh
) -> None:
    cut = appraisal(rows_in_files(digit_ids.fresh, files=5), packed_classifier)
    assert set(cut) == set(fresh)
    for name, figure in cut.items():
        # The judge's last bits come from the size of its batches.
        assert figure.value == pytest.approx(fresh[name].value, rel=1e-4, abs=1e-6)
        assert figure._replace(value=0, standard_error=0) == fresh[name]._replace(
            value=0, standard_error=0
        )


def test_figures_of_different_judges_refuse_to_be_compared(
    appraisal: Appraise, rows_in_files, digit_ids, other_classifier, fresh
) -> None:
    other = appraisal(rows_in_files(digit_ids.fresh, files=2), other_classifier)
    for name in JUDGED:
        with pytest.raises(RequestError, match="same protocol and data"):
            difference(other[name], fresh[name])
    assert all(comparable(other[name], fresh[name]) for name in UNJUDGED)
    assert difference(other["memorised"], fresh["memorised"]) == 0.0


def test_a_judge_sees_every_image_once_and_in_order(
    spark: SparkSession, rows_in_files, digit_ids, packed_classifier
) -> None:
    files = rows_in_files(digit_ids.fresh[:90], files=7)
    judged = judge_files(spark, packed_classifier, files)
    images = read_records(files, ImageRecord((8, 8, 1)))
    model = unpack(packed_classifier)
    x = images.astype(np.float32) / 255
    assert judged.features.shape == (90, 32)
    np.testing.assert_allclose(judged.features, model.features(x), atol=1e-4)
    np.testing.assert_allclose(judged.probabilities, model.probabilities(x), atol=1e-5)
    np.testing.assert_allclose(judged.probabilities.sum(axis=1), 1, atol=1e-6)
