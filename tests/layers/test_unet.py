import numpy as np
import pytest

from sparkgen.errors import RequestError
from sparkgen.layers.unet import SelfAttention, UNet, Widths, fold, sinusoids, unfold


def parameters(layer: object) -> int:
    return sum(int(np.prod(v.shape)) for v in layer.trainable_variables)


def block(inside: int, outside: int, embedding: int) -> int:
    """Parameters of a residual block: two normalisations, two convolutions, steering, skip."""
    convolutions = (9 * inside + 1) * outside + (9 * outside + 1) * outside
    skip = 0 if inside == outside else (inside + 1) * outside
    return 2 * inside + 2 * outside + convolutions + (embedding + 1) * outside + skip


def attention(channels: int) -> int:
    return 2 * channels + (channels + 1) * 3 * channels + (channels + 1) * channels


def test_folding_moves_pixels_into_channels_and_back() -> None:
    x = np.random.default_rng(0).random((2, 6, 4, 3), np.float32)
    folded = fold(x, 2)
    assert folded.shape == (2, 3, 2, 12)
    np.testing.assert_array_equal(folded[1, 2, 1], x[1, 4:6, 2:4].ravel())
    np.testing.assert_array_equal(unfold(folded, 2), x)


def test_sinusoids_tell_every_time_apart() -> None:
    embedded = np.asarray(sinusoids(np.arange(1000, dtype=np.float32), 32))
    assert embedded.shape == (1000, 32)
    np.testing.assert_allclose(embedded[0], [1.0] * 16 + [0.0] * 16)
    np.testing.assert_allclose(embedded[3, [0, 16]], [np.cos(3), np.sin(3)], rtol=1e-5)
    gaps = np.linalg.norm(embedded[:, None] - embedded[None], axis=-1) + 9 * np.eye(1000)
    assert gaps.min() > 0.5


@pytest.mark.parametrize("patch", [1, 2])
def test_a_unet_has_its_parameters_and_starts_at_zero(patch: int) -> None:
    unet = UNet(3, Widths((16, 24), 1, 1, patch))
    x = np.random.default_rng(0).normal(size=(2, 8, 12, 3)).astype(np.float32)
    out = np.asarray(unet(x, np.ones((2, 10), np.float32)))
    assert out.shape == x.shape
    assert not out.any()
    depth = 3 * patch**2
    down = (9 * depth + 1) * 16 + block(16, 16, 10) + (9 * 16 + 1) * 16 + block(16, 24, 10)
    middle = 2 * block(24, 24, 10) + 2 * attention(24)
    up = block(48, 24, 10) + attention(24) + (9 * 24 + 1) * 16 + block(32, 16, 10)
    assert parameters(unet) == down + middle + up + 2 * 16 + (9 * 16 + 1) * depth


def test_attention_looks_at_every_pixel_alike() -> None:
    layer = SelfAttention()
    x = np.random.default_rng(0).normal(size=(1, 3, 3, 8)).astype(np.float32)
    layer(x)
    layer.out.kernel.assign(np.random.default_rng(1).normal(size=(8, 8)))
    turned = np.asarray(layer(x[:, ::-1, ::-1]))
    np.testing.assert_allclose(turned[:, ::-1, ::-1], layer(x), atol=1e-5)
    moved = x.copy()
    moved[0, 0, 0] += np.arange(8)
    assert np.abs(np.asarray(layer(moved)) - np.asarray(layer(x)))[0, 2, 2].max() > 1e-3


def test_a_side_that_cannot_be_halved_is_refused() -> None:
    with pytest.raises(RequestError, match="multiples of 8, found 28 x 28"):
        Widths((8, 8, 8), 1, 1, 2).check((28, 28, 1))
