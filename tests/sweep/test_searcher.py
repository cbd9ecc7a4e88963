import pytest
from ray.tune.search import Searcher

from ray_mtlkd.sweep.halving import Found
from ray_mtlkd.sweep.losses import Losses, WorkerLoss
from ray_mtlkd.sweep.plan import Plan, Trial
from ray_mtlkd.sweep.searcher import PlanSearcher
from ray_mtlkd.sweep.space import decode_space


@pytest.fixture
def plan(space_value):
    return Plan(decode_space(space_value(), where="x"), {"similar": 5})


class Tuner:
    """Plays Tune: asks for trials and ends them."""

    def __init__(self, plan, finished=None, losses=None):
        self.lost = []
        self.now = 0.0
        self.let_go = []
        known = {
            name: each if isinstance(each, Found) else Found(score=each) for name, each in (finished or {}).items()
        }
        self.searcher = PlanSearcher(
            plan,
            finished=known,
            losses=losses or Losses(say=lambda _: None, clock=lambda: self.now),
            on_lost=lambda trial, reason: self.lost.append((trial.name, reason)),
            on_let_go=lambda trial: self.let_go.append(trial.name),
        )
        self.count = 0

    def start(self):
        self.count += 1
        suggestion = self.searcher.suggest(str(self.count))
        if suggestion is None or suggestion == Searcher.FINISHED:
            return suggestion
        return str(self.count), Trial.loads(suggestion["trial"])

    def end(self, started, score, wall_s=1.0):
        status = "failed" if score is None else "ok"
        self.searcher.on_trial_complete(
            started[0], {"status": status, "score": score, "rungs": [], "is_over": True, "wall_s": wall_s}
        )

    def lose(self, started, loss):
        self.searcher.on_trial_complete(started[0], None, error=True)
        self.searcher.lose(started[0], loss)

    def drain(self, score_of):
        names = []
        while isinstance(started := self.start(), tuple):
            names.append(started[1].name)
            self.end(started, score_of(started[1]))
        assert started == Searcher.FINISHED
        return names


def test_each_strategy_searches_and_then_replicates_its_best_configuration(plan):
    names = Tuner(plan).drain(lambda trial: 0.5 + (trial.index == 1 and trial.strategy == "sum"))
    assert sorted(names) == [
        "similar-joint_kd-c0-s0",
        "similar-joint_kd-c0-s1",
        "similar-joint_kd-c0-s2",
        "similar-joint_kd-c1-s0",
        "similar-sum-c0-s0",
        "similar-sum-c1-s0",
        "similar-sum-c1-s1",
        "similar-sum-c1-s2",
    ]


def test_the_best_two_configurations_replicate_and_all_of_them_where_no_more_are_sound(space_value):
    value = space_value(
        search={"configurations": 3}, replicate={"configurations": 2, "seeds": [1, 2]}, strategies=["sum"]
    )
    plan = Plan(decode_space(value, where="x"), {"similar": 5})
    names = Tuner(plan).drain(lambda trial: 0.5 + 0.1 * trial.index)
    assert {name for name in names if not name.endswith("-s0")} == {
        f"similar-sum-c{index}-s{seed}" for index in (1, 2) for seed in (1, 2)
    }
    tuner = Tuner(plan)
    names = tuner.drain(lambda trial: 0.5 if trial.index == 1 else None)
    assert len(names) == tuner.searcher.total == 3 + 2


def test_replicates_wait_for_their_own_search_only(plan):
    tuner = Tuner(plan)
    started = [tuner.start() for _ in range(4)]
    assert tuner.start() is None
    for one in started[:2]:
        tuner.end(one, 0.5)
    assert tuner.start()[1].stage == "replicate"


def test_the_replicates_whose_search_took_longest_come_first(plan):
    tuner = Tuner(plan)
    for one in [tuner.start() for _ in range(4)]:
        tuner.end(one, 0.5, wall_s=9.0 if one[1].strategy == "joint_kd" else 1.0)
    assert [tuner.start()[1].strategy for _ in range(4)] == ["joint_kd", "joint_kd", "sum", "sum"]


def test_what_a_trial_takes_is_learned_from_replicates_where_there_is_no_search(space_value):
    value = space_value(search={"configurations": 1}, strategies=["sum", "pcgrad", "joint_kd"])
    tuner = Tuner(Plan(decode_space(value, where="x"), {"similar": 5}))
    tuner.end(tuner.start(), 0.5, wall_s=1.0)
    assert [tuner.start()[1].strategy for _ in range(5)] == ["sum", "pcgrad", "pcgrad", "joint_kd", "joint_kd"]


def test_a_strategy_whose_search_failed_altogether_does_not_replicate(plan):
    names = Tuner(plan).drain(lambda trial: None if trial.strategy == "sum" else 0.5)
    assert sum("-sum-" in name for name in names) == 2
    assert sum("-joint_kd-" in name for name in names) == 4


def test_the_total_leaves_out_replicates_that_will_never_run(plan):
    tuner = Tuner(plan)
    assert tuner.searcher.total == 8
    assert not tuner.searcher.is_over
    tuner.drain(lambda trial: None if trial.strategy == "sum" else 0.5)
    assert tuner.searcher.total == 6
    assert tuner.searcher.is_over


def test_the_ranking_knows_earlier_runs_and_puts_replicates_first(plan):
    known = {"similar-sum-c0-s0": 0.9, "similar-joint_kd-c1-s1": 0.4, "similar-joint_kd-c1-s2": 0.6}
    searched = {f"similar-joint_kd-c{at}-s0": 0.1 * at for at in range(2)}
    ranking = Tuner(plan, {**known, **searched}).searcher.ranking
    assert [(each.strategy, each.skill, each.seeds) for each in ranking] == [("joint_kd", 0.5, 2), ("sum", 0.9, 0)]


LOST, MEMORY = WorkerLoss(reason="gone"), WorkerLoss(reason="full", is_memory=True)
LARGEST = WorkerLoss(reason="full", is_memory=True, is_largest=True)


def _again(tuner, name):
    """The trial as it starts again, after all that come before it."""
    while isinstance(started := tuner.start(), tuple):
        if started[1].name == name:
            return started
        tuner.end(started, 0.5)
    return started


def test_a_trial_that_loses_its_worker_runs_again_and_is_given_up_after_three_times(plan):
    tuner = Tuner(plan)
    started = tuner.start()
    name = started[1].name
    for _ in range(2):
        tuner.lose(started, LOST)
        assert tuner.lost == []
        started = _again(tuner, name)
    tuner.lose(started, LOST)
    assert [lost for lost, _ in tuner.lost] == [name]
    assert name not in tuner.drain(lambda _: 0.5)


def test_the_last_trial_that_loses_its_worker_runs_again_too(plan):
    tuner = Tuner(plan, dict.fromkeys(Tuner(plan).drain(lambda _: 0.5)[:-1], 0.5))
    last = tuner.start()
    assert tuner.start() is None
    tuner.lose(last, LOST)
    assert tuner.start()[1].name == last[1].name


def test_a_trial_that_was_killed_for_memory_runs_last_with_no_other_beside_it(plan):
    tuner = Tuner(plan)
    killed, beside = tuner.start(), tuner.start()
    tuner.lose(killed, MEMORY)
    assert tuner.start() is None  # whatever took the memory may still have it
    tuner.now += 60
    names = []
    while isinstance(started := tuner.start(), tuple):
        names.append(started[1].name)
        tuner.end(started, 0.5)
    assert started is None
    assert killed[1].name not in names
    tuner.end(beside, 0.5)
    again = _again(tuner, killed[1].name)
    assert tuner.start() is None
    tuner.end(again, 0.5)
    tuner.drain(lambda _: 0.5)
    assert tuner.searcher.is_over


@pytest.mark.parametrize(("loss", "tries"), [(LARGEST, 2), (MEMORY, 6)], ids=["its own", "others'"])
def test_a_trial_that_is_killed_for_memory_alone_too_is_given_up_sooner_where_it_holds_the_most(
    plan, loss, tries, worded
):
    tuner = Tuner(plan)
    started = tuner.start()
    name = started[1].name
    for _ in range(tries - 1):
        tuner.lose(started, loss)
        assert tuner.lost == []
        tuner.now += 60
        started = _again(tuner, name)
        assert tuner.start() is None
    tuner.lose(started, loss)
    ((lost, reason),) = tuner.lost
    assert lost == name
    worded(reason)
    tuner.now += 60
    assert name not in tuner.drain(lambda _: 0.5)


def test_another_run_of_tune_s_knows_who_was_killed_for_memory(plan):
    losses = Losses(say=lambda _: None, clock=lambda: 1e6)
    first = Tuner(plan, losses=losses)
    killed = first.start()
    losses.note(killed[1].name, MEMORY)
    later = Tuner(plan, losses=Losses(say=lambda _: None))
    assert later.start()[1].name == killed[1].name
    losses._until = 0.0
    assert Tuner(plan, losses=losses).start()[1].name != killed[1].name


@pytest.mark.parametrize("count", range(9))
def test_a_resumed_sweep_runs_exactly_what_is_missing(plan, count):
    def score_of(trial):
        return 0.5 + 0.1 * trial.index

    everything = Tuner(plan).drain(score_of)
    done = everything[:count]
    finished = {name: 0.5 + 0.1 * ("-c1-" in name) for name in done}
    rest = Tuner(plan, finished).drain(score_of)
    assert sorted(done + rest) == sorted(everything)


def test_a_failed_trial_is_not_run_again_on_resume(plan):
    names = Tuner(plan, {"similar-sum-c0-s0": None}).drain(lambda _: 0.5)
    assert "similar-sum-c0-s0" not in names
    assert "similar-sum-c1-s1" in names


@pytest.fixture
def halved(space_value):
    value = space_value(strategies=["sum"], search={"configurations": 8, "halving": [0.25, 0.5]})
    return Plan(decode_space(value, where="x"), {"similar": 5})


def _halve(tuner, score_of, *, most=100):
    """Runs parts of trials until nothing is left, or so many have run; returns how far each trial went."""
    went = {}
    for _ in range(most):
        started = tuner.start()
        if not isinstance(started, tuple):
            break
        trial, until = started[1], started[1].ladder.until
        went.setdefault(trial.name, []).append(until)
        rungs = [score_of(trial) for share in trial.ladder.rungs if share <= until]
        told = {"status": "ok", "score": score_of(trial), "rungs": rungs, "is_over": until == 1, "wall_s": 1.0}
        tuner.searcher.on_trial_complete(started[0], told)
    return went


def test_halving_lets_go_of_the_worse_and_replicates_the_best(halved):
    tuner = Tuner(halved)
    went = _halve(tuner, lambda trial: trial.index / 10)
    assert {name: ways[-1] for name, ways in went.items() if name.endswith("-s0")} == {
        **{f"similar-sum-c{index}-s0": 0.25 for index in range(4)},
        **{f"similar-sum-c{index}-s0": 0.5 for index in (4, 5)},
        **{f"similar-sum-c{index}-s0": 1.0 for index in (6, 7)},
    }
    assert sorted(name for name in went if not name.endswith("-s0")) == ["similar-sum-c7-s1", "similar-sum-c7-s2"]
    assert sorted(tuner.let_go) == [f"similar-sum-c{index}-s0" for index in range(6)]
    assert tuner.searcher.is_over
    assert len(tuner.searcher.finished) == tuner.searcher.total == 8 + 2


def test_who_fails_after_a_comparison_leaves_the_place_to_the_next_at_once_as_records_would_have_it(halved):
    tuner = Tuner(halved)
    _halve(tuner, lambda trial: trial.index / 10, most=8)
    best = {started[1].index: started for started in (tuner.start() for _ in range(4))}[7]
    for _ in range(2):
        tuner.lose(best, LOST)
        best = tuner.start()
    assert tuner.start() is None
    tuner.lose(best, LOST)
    assert tuner.start()[1].run_name == "similar-sum-c3-s0-to-0.5"


@pytest.mark.parametrize("count", range(0, 17, 2))
def test_a_halved_search_goes_on_from_its_records_with_the_same_decisions(halved, count):
    def score_of(trial):
        return (trial.index * 7 % 8) / 10

    whole = _halve(Tuner(halved), score_of)
    first = _halve(Tuner(halved), score_of, most=count)
    known = {}
    for name, ways in first.items():
        index = int(name.split("-c")[1].split("-")[0])
        score = (index * 7 % 8) / 10
        rungs = tuple(score for share in (0.25, 0.5) if share <= ways[-1] and name.endswith("-s0"))
        known[name] = Found(score=score, rungs=rungs, is_over=ways[-1] == 1)
    rest = _halve(Tuner(halved, known), score_of)
    assert {name: first.get(name, []) + rest.get(name, []) for name in first | rest} == whole


def test_a_sweep_that_grew_runs_what_is_new_and_goes_on_replicating_what_was_best_before(space_value):
    def tuner(finished, **changes):
        value = space_value(strategies=["sum"], **changes)
        return Tuner(Plan(decode_space(value, where="x"), {"similar": 5}), finished)

    def score_of(trial):
        return 0.5 + 0.1 * trial.index

    before = tuner({}).drain(score_of)
    finished = {name: 0.5 + 0.1 * ("-c1-" in name) for name in before}
    more = {"search": {"configurations": 3}, "replicate": {"configurations": 1, "seeds": [1, 2, 3]}}
    grown = tuner(finished, **more)
    assert sorted(grown.drain(score_of)) == [
        "similar-sum-c1-s3",
        "similar-sum-c2-s0",
        "similar-sum-c2-s1",
        "similar-sum-c2-s2",
        "similar-sum-c2-s3",
    ]
    assert grown.searcher.total == len(grown.searcher.finished) == 3 + 2 * 3


@pytest.mark.parametrize("search", [{}, {"halving": [0.25, 0.5]}], ids=["whole", "halved"])
def test_what_a_trial_that_ends_costs_does_not_grow_with_those_before(space_value, monkeypatch, search):
    made, whole = [], Plan.search_trial
    monkeypatch.setattr(Plan, "search_trial", lambda *of, **options: made.append(0) or whole(*of, **options))
    calls = []
    for configurations in (30, 120):
        value = space_value(strategies=["sum"], search={"configurations": configurations, **search})
        made.clear()
        _halve(Tuner(Plan(decode_space(value, where="x"), {"similar": 5})), lambda trial: trial.index / 1000, most=999)
        calls.append(len(made) / configurations)
    assert calls[0] >= 1
    assert calls[1] <= 1.2 * calls[0]


def test_how_many_have_failed_is_known_with_those_of_earlier_runs(plan):
    tuner = Tuner(plan, {"similar-sum-c0-s0": None, "similar-sum-c1-s0": 0.5})
    assert tuner.searcher.failures == 1
    tuner.drain(lambda trial: None if trial.stage == "replicate" and trial.strategy == "sum" else 0.5)
    assert tuner.searcher.failures == sum(found.failed for found in tuner.searcher.finished.values()) == 3
