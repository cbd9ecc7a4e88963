from benchmarks.planning import cost_ms


def test_every_trial_of_the_plan_ends_whoever_runs_beside_it():
    for at_a_time in (1, 50):
        trials, spent = cost_ms(30, at_a_time=at_a_time)
        assert trials == 30
        assert spent > 0
