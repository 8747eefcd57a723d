"""Distances in the features of Inception v3, whose weights are random here."""

import keras
import numpy as np
import pytest
from scipy.linalg import sqrtm

from sparkgen.config.experiment import EvaluationConfig
from sparkgen.datasets.records import ImageRecord
from sparkgen.evaluation.distances import frechet_distance
from sparkgen.evaluation.inception import inception_features, inception_values
from sparkgen.evaluation.sample_figures import sample_figure_names
from sparkgen.models.discovery import build_model
from sparkgen.models.portable import pack
from sparkgen.models.pretrained._base import IMAGENET
from sparkgen.models.pretrained.keras_application import inner_layers, make_network
from sparkgen.models.saving import save_model

NAME = "pretrained.keras_application"


def by_sqrtm(x, y):
    """The formula of the Fréchet distance as published, by SciPy's square root of a matrix."""
    sigma_x, sigma_y = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = sqrtm(sigma_x @ sigma_y)
    shift = x.mean(0) - y.mean(0)
    return float(shift @ shift + np.trace(sigma_x + sigma_y - 2 * root.real))


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    source = make_network("InceptionV3", include_top=False, weights=None)
    layers = [[one.name, list(one.output.shape[1:])] for one in inner_layers(source)]
    return build_model(NAME, {"network": "InceptionV3", "layers": layers}, IMAGENET)


def pictures(count, seed):
    return np.random.default_rng(seed).random((count, 8, 8, 1)).astype(np.float32)


def test_features_are_the_averages_of_the_last_convolutions_of_pictures_of_299_pixels(network):
    x = pictures(2, 0)
    found = inception_features(network, x)
    assert found.shape == (2, 2048)
    grey = keras.ops.image.resize(np.repeat(255 * x, 3, axis=-1), (299, 299))
    pooled = keras.layers.GlobalAveragePooling2D()(
        network.network(keras.applications.inception_v3.preprocess_input(grey))
    )
    np.testing.assert_allclose(found, np.asarray(pooled), rtol=1e-4, atol=1e-5)


def test_the_frechet_distance_is_that_of_another_implementation_on_the_same_features(network):
    found = [inception_features(network, pictures(8, seed)) for seed in (1, 2)]
    wide = np.argsort(found[0].var(axis=0))[-3:]  # of 8 rows no covariance of all is invertible
    x, y = (one[:, wide].astype(np.float64) * 1e3 for one in found)
    assert frechet_distance(x, y) == pytest.approx(by_sqrtm(x, y), rel=1e-6)
    random = np.random.default_rng(0)
    x = random.normal(size=(400, 64)) @ random.normal(size=(64, 64))
    y = 1 + random.normal(size=(300, 64)) @ random.normal(size=(64, 64))
    assert frechet_distance(x, y) == pytest.approx(by_sqrtm(x, y), rel=1e-9)


def test_samples_that_are_the_rows_are_at_no_distance_and_the_protocol_names_the_network(
    network, spark, rows_in_files, digit_ids, tmp_path
):
    save_model(tmp_path, network, name=NAME, options=dict(network.blueprint.options))
    packed = pack(tmp_path)
    files = rows_in_files(digit_ids.train[:6], files=1)
    record, order = ImageRecord((8, 8, 1)), np.arange(6)
    found = inception_values(spark, packed, files, files, record, order)
    value, protocol, _ = found["inception_fid"]
    assert value == pytest.approx(0.0, abs=1e-4)
    assert protocol == f"FID, 6 samples against 6 rows, Keras' InceptionV3, {packed.digest}"
    asked = EvaluationConfig(inception="keras:InceptionV3")
    assert set(found) <= sample_figure_names(asked, record)
    assert not set(found) & sample_figure_names(EvaluationConfig(), record)


@pytest.mark.parametrize("named", ["keras:VGG16", "keras:InceptionV4", "full_classifier_mnist"])
def test_another_network_is_refused_before_anything_is_fetched(named):
    with pytest.raises(ValueError, match="name keras:InceptionV3 or keras:InceptionV3@"):
        EvaluationConfig(inception=named)


def test_too_few_samples_for_a_distance_are_refused():
    with pytest.raises(
        ValueError, match="with a judge or inception samples must be 0, or 4 or more"
    ):
        EvaluationConfig(inception="keras:InceptionV3", samples=1)
