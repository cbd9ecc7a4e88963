"""What TensorBoard itself says of a sweep's event files, over HTTP."""

import http.client
import json
import re
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from ray_mtlkd.records import CurvePoint, TaskResult, TrialEnd
from ray_mtlkd.sweep.overview import RUN, write_columns, write_verdict
from ray_mtlkd.sweep.plan import Plan
from ray_mtlkd.sweep.space import parse_space
from ray_mtlkd.sweep.tensorboard import TrialWriter, hyper_parameters
from ray_mtlkd.sweep_folder import SweepFolder
from ray_mtlkd.training.job import Outcome
from ray_mtlkd.training.state.progress import Evaluation
from ray_mtlkd.training.step.agreement import TaskAgreement
from tests.scripts import LIMIT_S

SPACE = """
name: shown
setups: [similar]
encoder: {name: mlp, hidden: [8]}
training: {steps: 10, eval_every: 5, lr: {loguniform: [1e-3, 1e-1]}}
strategies: [sum, {name: joint_kd, label: "KD/2", kd: {temperature: {grid: [1, 2]}}}, single_task]
search: {configurations: 2}
replicate: {configurations: 2, seeds: [1]}
"""
TASKS = ("b", "a")
PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d49484452000000010000000108020000009077"
    "53de0000000c4944415478da63606060000000040001f61738550000000049454e44ae426082"
)


def evaluation(batches):
    point = CurvePoint(step=batches // 2, batches=batches, valid=0.5, loss=1.0, weight=1.0, phase="labels")
    return Evaluation(
        step=batches // 2,
        batches=batches,
        budget=20,
        tasks=TASKS,
        points=(point, point),
        score=0.5,
        events=(),
        agreement=TaskAgreement(),
        penalties={},
    )


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    path = tmp_path_factory.mktemp("space") / "space.yaml"
    plan = Plan(parse_space(SPACE, path), {"similar": len(TASKS)})
    return list(plan.distinct())


@pytest.fixture(scope="module")
def ask(tmp_path_factory, trials):
    """Answers of a TensorBoard that shows a sweep which began twice and ended."""
    sweep = SweepFolder.at(str(tmp_path_factory.mktemp("sweep")))
    write_columns(sweep, trials[:1], ["stranger"])
    write_columns(sweep, trials, iter((*TASKS, *TASKS)))
    for at, trial in enumerate(trials):
        folder = sweep.tensorboard.child(trial.events)
        writer = TrialWriter(folder.root, hyper_parameters=hyper_parameters(trial))
        writer.tell(evaluation(10))
        results = tuple(TaskResult(valid=0.1 * at, test=0.2 * at, cosines=[1.0, 0.5]) for _ in TASKS)
        writer.finish(TASKS, Outcome(end=TrialEnd(status="ok", score=0.1 * at, batches=20), tasks=results))
    write_verdict(sweep, verdict="Ship **sum**.", gains=PNG)
    with tensorboard(sweep.tensorboard.root) as ask:
        deadline = time.monotonic() + LIMIT_S
        while RUN not in ask("plugin/text/tags") or len(ask("plugin/scalars/tags")) < len(trials):
            assert time.monotonic() < deadline
            time.sleep(0.1)
        yield ask


@contextmanager
def tensorboard(folder):
    """Answers of one that shows a folder."""
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", folder, "--port", "0", "--load_fast", "false"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        found = (re.search(r"at http://localhost:(\d+)/", line) for line in process.stderr)
        port = int(next(match for match in found if match)[1])

        def ask(path, sent=None):
            connection = http.client.HTTPConnection("localhost", port, timeout=LIMIT_S)
            body, headers = (json.dumps(sent), {"Content-Type": "application/json"}) if sent else (None, {})
            connection.request("POST" if sent else "GET", f"/data/{path}", body=body, headers=headers)
            answer = connection.getresponse()
            assert answer.status == http.HTTPStatus.OK, path
            data = answer.read()
            return json.loads(data) if answer.headers.get_content_type() == "application/json" else data

        try:
            yield ask
        finally:
            process.terminate()


def test_runs_are_named_by_setup_strategy_and_stage(ask, trials):
    assert set(ask("runs")) == {RUN, *(trial.events for trial in trials)}
    assert "similar/KD~2/replicate/c1-seed1" in ask("runs")


def test_the_table_begins_with_who_trials_are_and_what_is_swept_and_shows_final_metrics(ask):
    found = ask("plugin/hparams/experiment", {"experimentName": ""})
    names = [each["name"] for each in found["hparamInfos"]]
    assert names[:6] == ["Seed", "Setup", "Stage", "Strategy", "kd.temperature", "training.lr"]
    assert {"curriculum.name", "balancer.name"} <= set(names[6:])
    assert "training.steps" not in names
    tags = [each["name"]["tag"] for each in found["metricInfos"]]
    assert tags == ["when_done/score", *(f"when_done/{split}/{task}" for split in ("test", "valid") for task in TASKS)]


def test_every_trial_has_its_row_and_only_a_joint_one_a_balancer(ask, trials):
    found = ask("plugin/hparams/experiment", {"experimentName": ""})
    wanted = {"experimentName": "", "allowedStatuses": ["STATUS_SUCCESS"], "colParams": [], "startIndex": 0}
    wanted |= {"sliceSize": 99, "colParams": [{"metric": each["name"]} for each in found["metricInfos"]]}
    rows = ask("plugin/hparams/session_groups", wanted)["sessionGroups"]
    assert len(rows) == len(trials)
    for row in rows:
        values = row["hparams"]
        assert ("balancer.name" in values) == (values["Strategy"] != "single_task")
        assert {each["name"]["tag"] for each in row["metricValues"]} >= {"when_done/score", "when_done/test/a"}


def test_curves_stand_before_final_metrics_which_are_behind_them_in_time(ask, trials):
    tags = sorted(ask("plugin/scalars/tags")[trials[0].events])
    groups = list(dict.fromkeys(tag.partition("/")[0] for tag in tags))
    assert groups[-1] == "when_done"
    ((_, at, _),) = ask(f"plugin/scalars/scalars?run={trials[0].events}&tag=when_done/score&experiment=")
    ((_, curve_at, _),) = ask(f"plugin/scalars/scalars?run={trials[0].events}&tag=valid/a&experiment=")
    assert (curve_at, at) == (10, 20)


def test_all_tasks_are_in_one_chart(ask):
    (category,) = ask("plugin/custom_scalars/layout")["category"]
    assert ["^valid/"] in [chart["multiline"]["tag"] for chart in category["chart"]]


def test_the_sweep_s_own_run_says_what_came_of_it(ask, trials):
    images = ask("plugin/images/tags")
    assert set(images[RUN]) == {"gains"}
    assert set(images[trials[0].events]) == {"cosines"}
    (image,) = ask(f"plugin/images/images?run={RUN}&tag=gains&sample=0")
    assert ask(f"plugin/images/individualImage?{image['query']}") == PNG
    (text,) = ask(f"plugin/text/text?run={RUN}&tag=verdict/text_summary")
    assert "<strong>sum</strong>" in text["text"]
