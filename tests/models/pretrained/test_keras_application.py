"""Networks of keras.applications: MobileNet, which is made fastest, and what others have of their own."""

from pathlib import Path

import keras
import numpy as np
import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import build_model, outline
from sparkgen.models.pretrained._base import IMAGENET
from sparkgen.models.pretrained.keras_application import (
    check_same,
    make_network,
    network_names,
    preprocessing,
)
from sparkgen.models.saving import load_model
from sparkgen.pipeline.networks import APPLICATION, save_application

PICTURES = np.random.default_rng(0).random((2, 40, 60, 3)).astype(np.float32)


@pytest.fixture(scope="module")
def network() -> keras.Model:
    """A network with its top and weights of a fixed seed, whose statistics keep answers from fading."""
    keras.utils.set_random_seed(0)
    made = make_network("MobileNet", include_top=True, weights=None)
    for layer in made.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.moving_variance.assign(np.full(layer.moving_variance.shape, 0.04, np.float32))
    return made


@pytest.fixture(scope="module", params=[True, False], ids=["top", "no-top"])
def model(request, network: keras.Model, tmp_path_factory) -> GenerativeModel:
    """The network as a saved model, with its top or without, of a file of Keras'."""
    folder: Path = tmp_path_factory.mktemp("network")
    file, whole = folder / "some.weights.h5", network
    if not request.param:
        end = network.get_layer("conv_pw_13_relu").output
        whole = keras.Model(network.inputs, end)
    whole.save_weights(file)
    save_application(str(folder / "model"), "MobileNet", request.param, str(file), "any")
    return load_model(folder / "model")


def test_what_it_gives_is_what_the_network_gives(
    model: GenerativeModel, network: keras.Model
) -> None:
    names = ["conv_dw_1_relu", "conv_pw_13_relu"]
    outputs = [network.get_layer(name).output for name in names]
    x = keras.ops.image.resize(PICTURES, (224, 224), antialias=True)
    first, last, logits = keras.Model(network.inputs, [*outputs, *network.outputs])(2 * x - 1)
    assert float(keras.ops.std(logits)) > 1e-3
    if model.classifies:
        found = model.head(model.features(PICTURES))
        np.testing.assert_allclose(found, logits, rtol=1e-3, atol=1e-5)
        assert model.features(PICTURES).shape == (2, 1024)
        again = model.activations(PICTURES, ["predictions"])["predictions"]
        np.testing.assert_allclose(again, found, rtol=1e-3, atol=1e-5)
    found = model.activations(PICTURES if model.classifies else x, names)
    np.testing.assert_allclose(found[names[0]], first, rtol=1e-3, atol=1e-5)
    np.testing.assert_allclose(found[names[1]], last, rtol=1e-3, atol=1e-5)


def test_its_layers_answer_to_pictures_of_any_size(model: GenerativeModel) -> None:
    assert model.activation_names[:3] == ("conv1", "conv1_bn", "conv1_relu")
    found = model.activations(PICTURES, ["conv1_relu"])["conv1_relu"]
    assert tuple(found.shape) == ((2, 112, 112, 32) if model.classifies else (2, 20, 30, 32))


def test_an_outline_says_how_large_the_answers_are(model: GenerativeModel) -> None:
    outlined = outline(APPLICATION, model.blueprint.options, IMAGENET)
    assert outlined.activation_names == model.activation_names
    assert outlined.classifies == model.classifies
    (found,) = outlined.activations(keras.KerasTensor((1, 40, 60, 3)), ["conv_pw_3"]).values()
    assert found.shape[0] == 1
    assert found.shape[3] == 128


def test_pictures_are_prepared_as_the_network_wants_them() -> None:
    x = keras.ops.convert_to_tensor(255 * PICTURES)
    blue_first = np.asarray(preprocessing("VGG16")(x))
    means = np.array([103.939, 116.779, 123.68])
    np.testing.assert_allclose(blue_first, np.asarray(x)[..., ::-1] - means, rtol=1e-4, atol=1e-3)
    np.testing.assert_allclose(preprocessing("MobileNet")(x), 2 * PICTURES - 1, atol=1e-5)
    assert {"VGG16", "ResNet50", "EfficientNetB0"} <= set(network_names())


def test_an_efficientnet_divides_pictures_as_its_weights_of_imagenet_want_it() -> None:
    """Keras leaves the division out where it fetches no weights."""
    network = make_network("EfficientNetB0", include_top=False, weights=None)
    start = keras.Model(network.inputs, network.get_layer("stem_conv_pad").output)
    x = np.float32([51.0, 102.0, 255.0]) * np.ones((1, 4, 4, 3), np.float32)
    expected = np.array([0.2, 0.4, 1.0]) / np.sqrt([0.229, 0.224, 0.225])
    np.testing.assert_allclose(start(x)[0, 1, 1], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("factors", "line"),
    [
        ([2.0, 0.5], "2 layers in place of 3"),
        ([2.0, 0.5, 1.1], "other answers of the layer end"),
        ([2.0, 0.6, 0.5 / 0.6], "other answers of the layer middle"),
        ([float("nan"), 0.5, 1.0], "other answers"),
    ],
)
def test_a_network_that_answers_otherwise_than_its_source_is_refused(
    factors: list[float], line: str
) -> None:
    def scaling(*scales: float) -> keras.Model:
        named = zip(("first", "middle", "end"), scales, strict=False)
        layers = [keras.layers.Rescaling(scale, name=name) for name, scale in named]
        return keras.Sequential([keras.Input((4, 4, 3)), *layers])

    source = scaling(2.0, 0.5, 1.0)
    check_same(scaling(2.0, 0.5, 1.0), source, PICTURES[:, :4, :4])
    with pytest.raises(ValueError, match=line):
        check_same(scaling(*factors), source, PICTURES[:, :4, :4])


def test_weights_of_another_network_are_refused(network: keras.Model, tmp_path: Path) -> None:
    file = tmp_path / "some.weights.h5"
    network.save_weights(file)
    line = "the weights of VGG16 without its top as any, found .*: name another file"
    with pytest.raises(RequestError, match=line):
        save_application(str(tmp_path / "model"), "VGG16", False, str(file), "any")
    assert not (tmp_path / "model").exists()


def test_pictures_too_small_for_a_layer_are_refused_when_a_model_is_built_of_it(
    model: GenerativeModel,
) -> None:
    layer = "conv_dw_13_relu"  # after five halves, of which the last finds nothing
    options = {"layer": layer, "size": 16}
    name, spec = "optimised.filter_visualisation", DataSpec(ImageRecord((8, 8, 3)), 2)
    if model.classifies:  # which makes all pictures large
        assert build_model(name, options, spec, parts={"network": model}).filters == 1024
        return
    line = rf"large enough for {layer} of keras_application, found"
    with pytest.raises(RequestError, match=f"{line} 16 x 16"):
        build_model(name, options, spec, parts={"network": model})
    layers = {key: {layer: 1.0} for key in ("style_layers", "content_layers")}
    with pytest.raises(RequestError, match=f"{line} 22 x 22"):  # 8, and 7 more at each end
        build_model("optimised.fast_style", layers, spec, parts={"network": model})
