"""What a network's layers must be is asked when a model is outlined, before any work begins."""

from typing import Any

import pytest

from sparkgen.datasets.records import DataSpec, ImageRecord, TokenRecord
from sparkgen.errors import RequestError
from sparkgen.models.contract import GenerativeModel
from sparkgen.models.discovery import outline
from sparkgen.models.portable import Blueprint

GREY, COLOUR = (DataSpec(ImageRecord((8, 8, channels)), 3) for channels in (1, 3))
CONV, DENSE = "discriminative.conv_classifier", "discriminative.dense_classifier"
FAMILY = ("deep_dream", "style_transfer", "fast_style")


def part(name: str, options: dict[str, Any] | None = None) -> dict[str, Blueprint]:
    return {"network": outline(name, options or {}, GREY).blueprint}


def outlined(
    name: str, options: dict[str, Any], spec: DataSpec = GREY, network: str = CONV
) -> GenerativeModel:
    return outline(f"optimised.{name}", options, spec, parts=part(network))


@pytest.mark.parametrize("name", FAMILY)
def test_a_network_without_maps_is_refused(name: str) -> None:
    with pytest.raises(RequestError, match=r"at each place .* found dense\d.*another model\.parts"):
        outlined(name, {}, network=DENSE)


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("deep_dream", "layers"),
        ("style_transfer", "style_layers"),
        ("fast_style", "content_layers"),
    ],
)
def test_a_layer_without_maps_or_with_a_weight_of_0_is_refused(name: str, key: str) -> None:
    line = rf"in model\.options\.{key}, found logits, which gives 3 numbers .* conv1, conv2"
    with pytest.raises(RequestError, match=line):
        outlined(name, {key: {"conv1": 1.0, "logits": 1.0}})
    for weight in (0.0, -1.0):
        with pytest.raises(RequestError, match=rf"{key}.*conv1.*greater than 0"):
            outlined(name, {key: {"conv1": weight}})


def test_a_network_of_other_channels_is_refused_for_fast_style_alone() -> None:
    with pytest.raises(RequestError, match=r"of pictures of 3 channels.* as model\.parts\.network"):
        outlined("fast_style", {}, COLOUR)
    assert outlined("fast_style", {}).record.shape == (1,)
    assert outlined("deep_dream", {}, COLOUR).makes.shape == (1,)


@pytest.mark.parametrize("name", [*FAMILY, "filter_visualisation"])
def test_other_records_are_refused_before_a_model_is_built_of_them(name: str) -> None:
    with pytest.raises(RequestError, match=f"image records for optimised.{name}, found tokens"):
        outlined(name, {}, DataSpec(TokenRecord((8,), 256), 3))


def test_enhancement_of_texts_is_refused() -> None:
    with pytest.raises(RequestError, match=r"image records for .*enhancement, found tokens"):
        outline("optimised.enhancement", {}, DataSpec(TokenRecord((8,), 256), 3))
