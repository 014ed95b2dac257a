"""Machine speed: robust best, limits, and differences between results."""

import numpy as np
import pytest

from detbench.bench.machine_speed.speed import (
    COMPUTE_LIMIT,
    EXCHANGE_LIMIT,
    MachineSpeed,
    SpeedLimits,
    best_speed,
    is_slow,
    median_speed,
    slower_machine_difference,
    speed_limits,
)

BEST = MachineSpeed(2.0, 8.0)
JUST_WITHIN = MachineSpeed(2.0 * COMPUTE_LIMIT - 1e-9, 8.0 * EXCHANGE_LIMIT - 1e-9)


def test_the_best_is_a_quantile_of_each_time():
    speeds = [MachineSpeed(10.0 - index, 20.0 + index) for index in range(11)]
    assert best_speed(speeds) == MachineSpeed(1.0, 21.0)
    assert median_speed(speeds) == MachineSpeed(5.0, 25.0)


def test_one_outlier_is_not_the_best():
    assert best_speed([MachineSpeed(0.1, 0.1)] + [BEST] * 20) == BEST


def test_speeds_without_exchange_have_a_best():
    assert best_speed([MachineSpeed(2.0, None)] * 3) == MachineSpeed(2.0, None)


@pytest.mark.parametrize("uses_several_cores", [True, False])
def test_a_machine_at_its_best_is_not_slow(uses_several_cores):
    for speed in (BEST, JUST_WITHIN, MachineSpeed(1.0, 1.0)):
        assert not is_slow(speed, BEST, uses_several_cores=uses_several_cores)


def test_arithmetic_counts_for_every_model():
    slow = MachineSpeed(2.0 * COMPUTE_LIMIT + 0.01, 8.0)
    assert is_slow(slow, BEST, uses_several_cores=True)
    assert is_slow(slow, BEST, uses_several_cores=False)


def test_exchange_counts_for_models_on_several_cores_only():
    slow = MachineSpeed(2.0, 8.0 * EXCHANGE_LIMIT + 0.01)
    assert is_slow(slow, BEST, uses_several_cores=True)
    assert not is_slow(slow, BEST, uses_several_cores=False)


def test_a_single_core_has_no_exchange_to_compare():
    assert not is_slow(MachineSpeed(2.0, None), BEST, uses_several_cores=True)
    assert not is_slow(MachineSpeed(2.0, 99.0), MachineSpeed(2.0, None), uses_several_cores=True)


def test_results_of_one_speed_do_not_differ():
    assert slower_machine_difference(BEST, JUST_WITHIN) == ""
    assert slower_machine_difference(JUST_WITHIN, BEST) == ""
    assert slower_machine_difference(None, BEST) == ""
    assert slower_machine_difference(BEST, None) == ""


def test_the_difference_of_two_results_names_both_times():
    text = "exchange between cores took 8.0 µs with the first and 21.0 µs with the second"
    assert slower_machine_difference(BEST, MachineSpeed(2.0, 21.0)) == text
    assert "3.0 µs with the first" in slower_machine_difference(MachineSpeed(3.0, 8.0), BEST)
    one_core = slower_machine_difference(BEST, MachineSpeed(2.0, 21.0), uses_several_cores=False)
    assert one_core == ""


def test_the_limits_of_a_machine_follow_its_own_spread_up_to_30_percent():
    rng = np.random.default_rng(0)

    def limits(spread, slow_share=0.0):
        factors = 1 + spread * np.abs(rng.standard_normal(400))
        factors[rng.random(400) < slow_share] *= 2.5
        return speed_limits([MachineSpeed(2.0 * factor, 8.0 * factor) for factor in factors])

    assert limits(0.001) == SpeedLimits(COMPUTE_LIMIT, EXCHANGE_LIMIT)
    assert limits(0.001, slow_share=0.6) == SpeedLimits(COMPUTE_LIMIT, EXCHANGE_LIMIT)
    assert EXCHANGE_LIMIT < limits(0.15).exchange < 1.3
    assert limits(2.0) == SpeedLimits(1.3, 1.3)
    assert speed_limits([MachineSpeed(2.0, None)]) == SpeedLimits(COMPUTE_LIMIT, EXCHANGE_LIMIT)
