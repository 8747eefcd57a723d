"""What the workers of the training tests run: importable in their processes."""

from sparkgen.training.worker import train


def train_each(requests, ring):
    """Several trainings, one after the other in the same ring: their results by name."""
    return {name: train(request, ring) for name, request in requests.items()}
