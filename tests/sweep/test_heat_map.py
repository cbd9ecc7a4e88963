import numpy as np

from ray_mtlkd.sweep.heat_map import heat_map, matrix_text

MATRIX = [[9.0, 1.0], [-0.5, None]]


def test_what_helps_is_blue_what_harms_is_red_and_what_nobody_knows_is_grey():
    image = heat_map(MATRIX)
    side = len(image) // 2
    assert image.shape == (2 * side, 2 * side, 3)
    first = image[side // 2, side + side // 2].astype(int)
    second, third = image[side + side // 2, side // 2].astype(int), image[-1, -1]
    assert first[2] - first[0] > second[0] - second[2] > 0
    assert len(set(third.tolist())) == 1
    assert (image[0, 0] == image[0, -1]).all()  # the diagonal is as blue as the largest beside it, not beyond


def test_a_matrix_of_zeros_is_white():
    assert (heat_map([[0.0, 0.0], [0.0, 0.0]]) == 247).all()
    assert heat_map(MATRIX).dtype == np.uint8


def test_the_table_says_which_row_is_whose():
    assert matrix_text(MATRIX, ["a", "b"]).splitlines() == [
        "|  | a | b |",
        "| --- | --- | --- |",
        "| **a** | 9 | 1 |",
        "| **b** | -0.5 |  |",
    ]
