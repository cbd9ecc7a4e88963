import io
import threading
from contextlib import suppress

import pytest
from rich.console import Console

from ray_mtlkd import run_sweep
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.storage import Storage
from ray_mtlkd.sweep import display as module
from ray_mtlkd.sweep.display import SweepDisplay, listening
from ray_mtlkd.sweep.run import Unheard
from ray_mtlkd.sweep.status import RankedStrategy, RunningTrial, Status
from ray_mtlkd.sweep_folder import HEAD, SweepFolder

STATUS = Status(
    total=40,
    done=12,
    failed=1,
    elapsed_s=62.0,
    eta_s=130.0,
    trials=(RunningTrial(name="shop-joint_kd-c0-s1", step=1240, share=0.62),),
    ranking=(RankedStrategy(setup="shop", strategy="joint_kd", skill=0.5, seeds=1),),
)
SPACE = """
name: small
setups: [similar]
encoder: {name: mlp, hidden: [4]}
training: {steps: 8, batch_size: 4, eval_every: 4}
strategies: [sum, joint_kd]
search: {configurations: 1}
replicate: {seeds: [1]}
classical: false
"""
CELLS = """
import ray_mtlkd
end = ray_mtlkd.run_sweep("space.yaml", out="out")
---
print(end.ok, end.failed)
"""


@pytest.mark.parametrize("is_terminal", [False, True])
def test_what_is_piped_are_plain_lines(is_terminal):
    console = Console(file=io.StringIO(), width=200, force_terminal=is_terminal, color_system=None)
    heard = []
    with SweepDisplay(console, look=heard.append) as display:
        display.begin(40, "out")
        display.tell(STATUS)
    told = console.file.getvalue()
    assert ("\x1b" in told) == is_terminal
    assert ("shop-joint_kd-c0-s1" in told) == is_terminal
    assert is_terminal or len(told.splitlines()) == 3
    assert heard == [STATUS]


@pytest.mark.parametrize(("answer", "begun"), [(b"{}", True), (None, False), (OSError(), True), ("never", True)])
def test_there_is_a_sweep_to_go_on_with_where_its_head_is_or_nobody_says_it_soon(monkeypatch, answer, begun):
    late = threading.Event()

    def read(_, name):
        if answer == "never":
            late.wait(60)
        if isinstance(answer, OSError):
            raise answer
        return answer

    monkeypatch.setattr(module, "_ANSWER_S", 0.1 if answer == "never" else 60.0)
    monkeypatch.setattr(Storage, "read", read)
    display = SweepDisplay(open_console())
    assert not display.has_begun
    display.uri = "out"
    assert display.has_begun == begun
    late.set()
    monkeypatch.setattr(Storage, "read", lambda *_: pytest.fail("a trial has run"))
    display.tell(STATUS)
    assert display.has_begun


@pytest.fixture
def console(monkeypatch):
    """What `listening` opens: a stream that is no terminal, unless it is told to be one."""
    console = open_console()
    console.file = io.StringIO()
    monkeypatch.setattr(module, "open_console", lambda: console)
    return console


@pytest.mark.parametrize(
    ("progress", "place", "seen"),
    [
        ("auto", "pipe", False),
        ("auto", "terminal", True),
        ("auto", "notebook", True),
        (True, "pipe", True),
        (False, "terminal", False),
        (False, "notebook", False),
    ],
)
def test_progress_is_shown_where_somebody_looks_or_has_asked_for_it(progress, place, seen, console, monkeypatch):
    monkeypatch.setattr(type(console), "is_terminal", place == "terminal")
    console.is_jupyter = place == "notebook"
    with listening(progress) as listener:
        assert isinstance(listener, SweepDisplay if seen else Unheard)


def test_somebody_else_may_be_told_instead():
    mine = Unheard()
    with listening(mine) as listener:
        assert listener is mine


def test_a_way_to_show_progress_that_nobody_knows_is_refused_before_anything_starts(refused):
    with refused():
        run_sweep("nowhere.yaml", progress="no")


@pytest.mark.parametrize("has_begun", [False, True])
def test_a_sweep_that_is_interrupted_says_how_to_go_on_if_there_is_anything_to_go_on_with(
    has_begun, console, tmp_path, worded
):
    folder = SweepFolder.at(str(tmp_path / "out"))
    if has_begun:
        folder.root.write(HEAD, b"{}")
    with suppress(KeyboardInterrupt), listening(progress=True) as listener:
        listener.begin(2, folder.uri)
        raise KeyboardInterrupt
    last = console.file.getvalue().splitlines()[-1]
    assert (folder.uri in last and "stopped" in last) == has_begun
    if has_begun:
        worded(last)


@pytest.mark.ray
def test_a_notebook_shows_lines_and_one_output_that_ends_with_all_trials(cluster, tmp_path, monkeypatch):
    import nbclient  # noqa: PLC0415 - the other tests go without
    import nbformat  # noqa: PLC0415 - likewise

    (tmp_path / "space.yaml").write_text(SPACE)
    for name, value in {**cluster, "IPYTHONDIR": str(tmp_path / "ipython")}.items():
        monkeypatch.setenv(name, value)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS.split("---")])
    nbclient.NotebookClient(notebook, kernel_name="python3", resources={"metadata": {"path": tmp_path}}).execute()
    shown, told = (cell.outputs for cell in notebook.cells)
    assert {output.output_type for output in shown} <= {"display_data", "stream"}
    streamed = "".join(output.text for output in shown if output.output_type == "stream")
    # Ray tells all who are connected what becomes of the run's cluster, of other tests' workers too.
    assert [line for line in streamed.splitlines() if "(raylet)" not in line] == []
    texts = [output.data["text/plain"] for output in shown if output.output_type == "display_data"]
    assert len([text for text in texts if "trials done" in text]) == 1
    assert texts[-1].startswith("2/2 trials done")
    assert "joint_kd" in texts[-1]
    assert len(set(texts)) == len(texts)
    assert "2 0" in "".join(output.text for output in told).splitlines()
