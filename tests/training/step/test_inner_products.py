"""Inner products of float32 gradients beside those of the same numbers in float64."""

import pytest
import torch

from ray_mtlkd.training.step.inner_products import inner_products


@pytest.mark.parametrize("width", [0, 1, 2047, 2048, 5000])
def test_they_are_those_of_all_columns(width):
    rows = torch.randn(3, width, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    torch.testing.assert_close(inner_products(rows), rows @ rows.T)


@pytest.mark.parametrize("width", [10_000, 1_000_003])
def test_cosines_of_long_float32_rows_are_known_to_a_tenth_of_what_balancers_take_for_nothing(width):
    rows = torch.randn(5, width, generator=torch.Generator().manual_seed(0))
    rows[-1] = -rows[:-1].sum(0)
    exact = rows.double() @ rows.double().T
    found = inner_products(rows)
    assert found.dtype == torch.float64
    lengths = exact.diag().sqrt()
    assert ((found - exact).abs() / lengths / lengths[:, None]).max() <= 1e-7
    # Rounded to float32, the last row is the sum of the others to 6e-8 of its length.
    assert torch.linalg.eigvalsh(found)[0].abs() <= 1e-7 * found.trace()
