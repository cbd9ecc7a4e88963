import functools
import json
import math

import pytest
import torch

from benchmarks import record, step_cost
from benchmarks.step import interleave
from benchmarks.step.contenders import BARE, CONTENDERS, STREAMED
from benchmarks.step.memory import peak_bytes
from benchmarks.step.overhead import Stopwatch
from benchmarks.step.problem import Size, problem
from ray_mtlkd.tasks.kinds import unit

STEPS = 20
ROUNDING = 2e-5
"""The contenders add up the same float32 numbers in different orders; an Adam step moves a parameter by up to 1e-3."""

SUMS = [name for name in CONTENDERS if name.split(" ")[-1] in {"sum", "EW", "Sum", "Adam"}]
PCGRADS = [STREAMED, *(name for name in step_cost.PCGRADS if name != "ray_mtlkd pcgrad")]


@pytest.fixture(scope="module", params=[False, True], ids=["multi-input", "single-input"])
def learned(request):
    size = Size(tasks=2, shared=request.param, hidden=(32, 32), batch_size=64, rows=600)
    return problem(size, steps=STEPS)


@pytest.fixture(scope="module")
def parameters(learned):
    """What a contender has learned, once for all tests."""

    @functools.cache
    def of(name):
        if not CONTENDERS[name].installed:
            pytest.skip(f"{CONTENDERS[name].package} is not installed")
        contender = CONTENDERS[name].make(learned)
        for at in range(STEPS):
            contender.step(at)
        return [parameter.detach() for parameter in contender.parameters()]

    return of


def _distance(some, others):
    return max(float((one - other).abs().max()) for one, other in zip(some, others, strict=True))


def test_losses_are_plain_cross_entropies(learned):
    assert [unit(table.task) for table in learned.tables.tasks] == pytest.approx([1, 1], rel=1e-12)


@pytest.mark.parametrize("name", SUMS)
def test_all_that_sum_the_losses_learn_the_same(name, learned, parameters):
    first = [parameter.detach() for parameter in learned.model().parameters()]
    assert _distance(parameters(BARE), first) > 1e-3
    assert _distance(parameters(name), parameters(BARE)) < ROUNDING


@pytest.mark.parametrize("name", PCGRADS)
def test_all_pcgrads_learn_the_same_from_two_tasks_which_leave_no_choice_of_order(name, parameters):
    ours = parameters("ray_mtlkd pcgrad")
    assert _distance(ours, parameters(BARE)) > 20 * ROUNDING  # the tasks do conflict
    assert _distance(parameters(name), ours) < ROUNDING


@pytest.mark.parametrize("name", [name for name in CONTENDERS if name not in {BARE, *SUMS}])
def test_every_other_contender_learns_something_else_than_the_plain_sum(name, parameters):
    assert _distance(parameters(name), parameters(BARE)) > 5 * ROUNDING


@pytest.fixture
def short(monkeypatch):
    """Turns of two steps, and memory without the processes of `test_peak_memory_is_that_of_a_fresh_process`."""
    for module in (step_cost, interleave):
        monkeypatch.setattr(module, "TURN", 2)
    monkeypatch.setattr(step_cost, "EVERY", 4)
    monkeypatch.setattr(step_cost, "peak_bytes", lambda name, size, steps: 2**20 * (2 if "pcgrad" in name else 1))


@pytest.mark.usefixtures("short")
def test_a_quick_run_reports_every_case_and_says_what_it_left_out(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(record, "RESULTS", tmp_path)
    step_cost.main(["--quick", "--data", str(tmp_path)])
    (file,) = tmp_path.glob("step_cost-*.json")
    found = json.loads(file.read_text())
    figures = {(row["case"], row["what"]): row["figure"] for row in found["rows"]}
    for size, names in step_cost.CASES:
        for name in names:
            assert ((f"{size.sort}, T={size.tasks}", name) in figures) == CONTENDERS[name].installed
    assert all(math.isfinite(figure) for figure in figures.values())
    assert figures["multi-input, T=20", "ray_mtlkd pcgrad"] > 0
    whole, drawing, rest = (
        figures["loop overhead, multi-input, T=5", what]
        for what in ("ray_mtlkd sum", "of it, drawing", "of it, the rest")
    )
    assert 0 < drawing < whole < 100
    assert rest > 0
    assert ("peak memory, multi-input, T=5, 256 units", "ray_mtlkd pcgrad") in figures
    assert ("peak memory, multi-input, T=5, 8 layers of 128", STREAMED) in figures
    assert {row["goal"] for row in found["rows"]} == {None}  # small sizes are not what the goals are for
    assert f"no intents/ in {tmp_path}" in capsys.readouterr().out


def test_peak_memory_is_that_of_a_fresh_process():
    size = Size(tasks=2, shared=False, hidden=(8, 8), batch_size=8, rows=20)
    assert peak_bytes("ray_mtlkd pcgrad", size, steps=1) > 2**20


def test_goals_are_for_contenders_of_their_case():
    measured = {(size.sort, size.tasks, name) for size, names in step_cost.CASES for name in names}
    assert set(step_cost.GOALS) <= measured


def test_a_function_called_within_a_timed_one_counts_once(monkeypatch):
    now = iter([10.0, 13.0, 20.0, 21.0])
    monkeypatch.setattr("benchmarks.step.overhead.time.process_time", lambda: next(now))
    watch = Stopwatch()
    inner = watch.around(lambda: "inner")
    outer = watch.around(lambda: inner())  # noqa: PLW0108 - a call within a call
    assert outer() == "inner"
    assert watch.seconds == 3
    assert inner() == "inner"
    assert watch.seconds == 4


def test_a_seam_that_has_moved_is_an_error():
    with (
        pytest.raises(RuntimeError, match=r"no time in torch\.autograd\.backward"),
        Stopwatch().watch(((torch.autograd, "backward"),)),
    ):
        pass
