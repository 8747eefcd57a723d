"""Which GPU a worker has, on a machine whose GPUs TensorFlow only seems to find."""

import pytest
import tensorflow as tf

from sparkgen.distribution.gpus import gpu_number, take_gpu


@pytest.fixture
def taken(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The GPUs that a worker is given, out of two."""
    given: list[str] = []
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU:0", "GPU:1"])
    monkeypatch.setattr(tf.config, "set_visible_devices", lambda own, _: given.append(own))
    monkeypatch.setattr(tf.config.experimental, "set_memory_growth", lambda own, grows: None)
    return given


@pytest.mark.parametrize("visible", [None, "4,7"])
def test_the_number_of_a_gpu_tells_the_one_that_a_worker_takes(
    monkeypatch: pytest.MonkeyPatch, taken: list[str], visible: str | None
) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    numbers = [gpu_number(local_rank) for local_rank in range(4)]
    for local_rank in range(4):
        take_gpu(local_rank)
    assert taken == ["GPU:0", "GPU:1", "GPU:0", "GPU:1"]
    assert numbers == [*numbers[:2]] * 2
    assert len({0, *numbers}) == 3


def test_tasks_whose_one_gpu_spark_chose_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: ["GPU:0"])
    numbers = set()
    for chosen in ("0", "1"):
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", chosen)
        numbers.add(gpu_number(0))
    assert len(numbers) == 2


def test_a_worker_without_a_gpu_has_the_number_0(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda _: [])
    take_gpu(0)
    assert gpu_number(0) == 0
