"""Quantiles of Student's t against published tables."""

import pytest

from detbench.metrics.uncertainty.student_t import student_t_quantile

TABLE = {
    1: (3.0777, 12.7062),
    2: (1.8856, 4.3027),
    3: (1.6377, 3.1824),
    4: (1.5332, 2.7764),
    5: (1.4759, 2.5706),
    8: (1.3968, 2.3060),
    10: (1.3722, 2.2281),
    30: (1.3104, 2.0423),
    120: (1.2886, 1.9799),
}


@pytest.mark.parametrize("freedom", TABLE)
def test_as_the_tables_say(freedom):
    for probability, value in zip((0.9, 0.975), TABLE[freedom], strict=True):
        assert student_t_quantile(probability, freedom) == pytest.approx(
            value, rel=2e-3 if freedom > 2 else 1e-4
        )
        assert student_t_quantile(1 - probability, freedom) == pytest.approx(
            -student_t_quantile(probability, freedom)
        )
    assert student_t_quantile(0.5, freedom) == pytest.approx(0)
