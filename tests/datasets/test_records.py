"""What a kind of record says of its rows."""

import numpy as np

from sparkgen.datasets.records import ImageRecord


def test_images_are_points_whose_distance_is_that_of_their_pixels_in_0_to_1() -> None:
    record = ImageRecord((2, 2, 1))
    images = np.zeros((3, 2, 2, 1), np.uint8)
    images[1, 0, 0], images[2] = 1, 255
    points = record.points(images)
    assert (points.dtype, points.shape) == (np.float32, (3, 4))
    assert points.tobytes() == record.to_model(images).tobytes()
    distances = np.linalg.norm(points - points[0], axis=1)
    np.testing.assert_allclose(distances, [0, 1 / 255, 2], rtol=1e-6)
    # One grey level of one pixel makes another picture.
    assert distances[0] < record.copy_distance < distances[1]
