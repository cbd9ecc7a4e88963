import pytest

from ray_mtlkd.sweep.halving import FAILED, Found, halving_rungs, spent_share, standing

RUNGS = (0.25, 0.5)


def _paused(*rungs):
    return Found(score=rungs[-1], rungs=rungs, is_over=False)


def _standing(found, *, configurations=8, seeds=(0,), least=2, rungs=RUNGS):
    return standing(found, configurations=configurations, seeds=seeds, rungs=rungs, least=least)


def _at_first_rung(scores):
    return {(index, 0): _paused(score) for index, score in enumerate(scores)}


def test_everybody_runs_to_the_first_rung():
    start = _standing({})
    assert (start.left, start.until, len(start.missing)) == (tuple(range(8)), 0.25, 8)


def test_nobody_goes_on_before_all_are_there():
    found = _at_first_rung([0.1] * 7)
    assert _standing(found).missing == ((7, 0),)


def test_the_better_half_goes_on_and_of_equals_the_first():
    found = _at_first_rung([0.1, 0.9, 0.5, 0.5, 0.5, 0.8, 0.2, 0.5])
    assert _standing(found).left == (1, 2, 3, 5)
    assert _standing(found).until == 0.5


def test_at_least_as_many_stay_as_will_be_replicated():
    found = _at_first_rung([0.1, 0.2, 0.3, 0.4]) | {(index, 0): _paused((index + 1) / 10, 0.1) for index in (2, 3)}
    assert _standing(found, configurations=4).left == (2, 3)
    assert _standing(found, configurations=4).until == 1.0


def test_failures_are_let_go_and_take_nobodys_place():
    found = _at_first_rung([0.1, 0.2, 0.3, 0.4]) | {(3, 0): FAILED, (2, 0): FAILED}
    assert _standing(found, configurations=4).left == (0, 1)


def test_a_rung_is_skipped_where_somebody_has_no_score_and_the_next_catches_up():
    found = _at_first_rung([0.1] * 7 + [None])
    assert _standing(found).left == tuple(range(8))
    later = {(index, 0): _paused(None, index / 10) for index in range(8)}
    assert _standing(later).left == (6, 7)


def test_several_seeds_count_by_their_mean():
    found = {
        (index, seed): _paused(score)
        for index, scores in enumerate([(0.9, 0.1), (0.6, 0.6), (0.0, 0.0), (0.7, 0.7)])
        for seed, score in enumerate(scores)
    }
    assert _standing(found, configurations=4, seeds=(0, 1)).left == (1, 3)


def test_a_trial_that_ended_early_has_passed_every_rung():
    ended = Found(score=0.5, rungs=(0.5, 0.5))
    found = {(index, 0): ended for index in range(4)}
    over = _standing(found, configurations=4)
    assert over.is_over
    assert over.left == (0, 1)


@pytest.mark.parametrize("advanced", range(5))
def test_what_was_decided_is_decided_again_whoever_has_gone_on_meanwhile(advanced):
    found = _at_first_rung([0.1, 0.9, 0.5, 0.6, 0.7, 0.8, 0.2, 0.3])
    best = sorted(found, key=lambda run: -found[run].rungs[0])[:4]
    went = {run: _paused(found[run].rungs[0], 0.0) for run in best[:advanced]}
    if advanced < 4:
        assert _standing(found | went).left == tuple(sorted(index for index, _ in best))
        assert len(_standing(found | went).missing) == 4 - advanced
    else:
        assert len(_standing(found | went).left) == 2


def test_the_parts_of_the_way_cost_alike_and_sixteen_cost_less_than_four_that_are_not_halved():
    assert halving_rungs(16) == (1 / 16, 1 / 8, 1 / 4, 1 / 2)
    assert halving_rungs(1) == ()
    assert 16 * spent_share(16, rungs=halving_rungs(16), least=2) == 3.5
    assert spent_share(16, rungs=(), least=2) == 1.0
    assert spent_share(2, rungs=(0.5,), least=2) == 1.0
