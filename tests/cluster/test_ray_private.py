"""What Ray does not promise to keep: a change is told by name."""

import ast
import logging
import os
from pathlib import Path

import pytest
import ray
import ray.data
from ray._common import utils as common_utils
from ray._private import ray_constants
from ray._private import utils as ray_utils
from ray.air.execution._internal import actor_manager
from ray.exceptions import ActorDiedError, OutOfMemoryError, RayActorError
from ray.tune.execution import class_cache
from ray.tune.experiment import Trial

from ray_mtlkd.cluster import ray_private

PACKAGE = Path(ray_private.__file__).parents[1]


def test_tune_gives_trials_no_variables_in_the_body_and_its_own_afterwards():
    names = ("DEFAULT_ENV_VARS", "ENV_VARS_TO_PROPAGATE")
    for name in names:
        assert hasattr(class_cache, name), f"ray.tune.execution.class_cache.{name} is gone: trials get workers anew"
    before = [getattr(class_cache, name) for name in names]
    assert all(before), "Tune gives trials no variables any more: trials_without_variables has no use"
    with ray_private.trials_without_variables():
        assert not any(getattr(class_cache, name) for name in names)
    assert [getattr(class_cache, name) for name in names] == before


def test_tune_still_looks_its_variables_up_where_they_are_replaced(monkeypatch):
    given = []
    monkeypatch.setattr(ray, "remote", lambda **options: given.append(options["runtime_env"]) or (lambda kind: kind))
    with ray_private.trials_without_variables():
        class_cache._ActorClassCache().get(object)
    assert given == [{"env_vars": {}}], "Tune gives trials variables from elsewhere: they get workers of their own"


def test_ray_says_that_a_path_is_too_long_for_sockets_in_the_words_that_are_looked_for():
    with pytest.raises(OSError, match="path") as caught:
        ray_utils.validate_socket_filepath("x" * 200)
    assert ray_private.is_about_long_path(caught.value), "Ray says otherwise that its temporary folder is too long"
    assert not ray_private.is_about_long_path(OSError("no room"))


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR", None])
def test_ray_s_logs_are_where_they_are_said_to_be(variable, monkeypatch, tmp_path):
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.delenv("TMPDIR", raising=False)
    if variable is not None:
        monkeypatch.setenv(variable, str(tmp_path))
    assert ray_private.log_folder() == f"{common_utils.get_default_ray_temp_dir()}/session_latest/logs"


def test_a_data_set_is_made_of_blocks_that_exist():
    assert callable(getattr(ray.data, "from_blocks", None)), "ray.data.from_blocks is gone: see `dataset_of`"


@pytest.mark.parametrize(
    ("error", "told"),
    [(OutOfMemoryError("full"), RayActorError), (ActorDiedError(), ActorDiedError), (ValueError(), ValueError)],
    ids=["memory", "died", "no error of ray's"],
)
def test_tune_hears_of_a_worker_that_was_killed_for_memory_as_of_a_lost_one(error, told, monkeypatch):
    heard = []
    name = ray_private._ON_FAILURE
    assert hasattr(actor_manager.RayActorManager, name), f"RayActorManager.{name} is gone: memory may end a sweep"
    monkeypatch.setattr(actor_manager.RayActorManager, name, lambda _, **told: heard.append(told["exception"]))
    with ray_private.memory_kills_as_lost_workers():
        getattr(actor_manager.RayActorManager, name)(None, tracked_actor_task=None, exception=error)
    getattr(actor_manager.RayActorManager, name)(None, tracked_actor_task=None, exception=error)
    assert type(heard[0]) is told
    assert str(error) in str(heard[0])
    assert heard[1] is error


def test_what_tune_holds_of_an_ended_trial_s_results_is_let_go_of():
    trial = Trial("trial", stub=True)
    trial.run_metadata.update_metric("score", 0.5)
    assert trial.metric_analysis, "Trial.metric_analysis is another one: see `forget_averages`"
    before = len(trial.run_metadata.get_json_state())
    ray_private.forget_averages(trial)
    assert not trial.metric_analysis
    assert len(trial.run_metadata.get_json_state()) < before


def test_ray_data_has_a_handler_that_prints():
    ray.data._internal.logging.configure_logging()
    (printer,) = ray_private.data_printers()
    assert isinstance(printer, logging.Handler), "the logger ray.data has no handler named console any more"


def test_ray_knows_what_it_is_not_to_say_of_actors():
    assert hasattr(ray_constants, "RAY_DEDUP_LOGS_SKIP_REGEX"), "Ray does not read RAY_DEDUP_LOGS_SKIP_REGEX any more"
    assert os.environ["RAY_DEDUP_LOGS_SKIP_REGEX"]


@pytest.mark.parametrize("name", [*ray_private.imported_ahead("x"), *ray_private.waiting(1)])
def test_ray_s_core_knows_the_variables_of_its_workers(name):
    core = Path(ray.__file__).parent / "core/src/ray/raylet/raylet"
    key = name.removeprefix("RAY_").encode()
    assert key in core.read_bytes(), f"Ray's core does not know {name} any more: workers import late, or end early"


def imports_of(source):
    """Names of modules and of what is imported from them."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def test_nothing_else_uses_what_ray_does_not_promise():
    for path in PACKAGE.rglob("*.py"):
        if path.name == "ray_private.py":
            continue
        source = path.read_text()
        imports = imports_of(source) if "ray." in source or "from ray" in source else ()
        private = [name for name in imports if name.startswith("ray.") and "._" in name]
        assert private == [], path
        for name in ("from_blocks", "class_cache", "RAY_preload", "RAY_idle_worker", "RAY_DEDUP"):
            assert name not in source, f"{path} uses {name}"
