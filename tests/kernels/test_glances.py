"""The raster of a glance against a naive twin."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from citywatch.kernels import glances

PLANES = arrays.arrays(np.uint8, st.tuples(st.integers(9, 24), st.integers(16, 40)))


def naive(luma):
    """Levels and details by the words of the docstring."""
    height, width = luma.shape
    levels, details = ([[] for _ in range(glances.CELLS)] for _ in range(2))
    for y in range(height):
        for x in range(width):
            cell = y * 9 // height * 16 + x * 16 // width
            value = int(luma[y, x])
            levels[cell].append(value)
            left = int(luma[y, x - 1]) if x else value
            above = int(luma[y - 1, x]) if y else value
            details[cell].append(abs(value - left) + abs(value - above))
    halves_up = lambda total, number: (2 * total + number) // (2 * number)  # noqa: E731
    return (
        [halves_up(sum(values), len(values)) for values in levels],
        [min(halves_up(4 * sum(values), len(values)), 255) for values in details],
    )


@given(PLANES)
def test_the_raster_is_what_the_words_say(luma):
    levels, details = np.empty((2, glances.CELLS), np.uint8)
    glances.cells(luma, levels, details)
    assert (levels.tolist(), details.tolist()) == naive(luma)
