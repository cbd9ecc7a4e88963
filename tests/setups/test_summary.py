from ray_mtlkd import setups
from ray_mtlkd.setups.summary import summarise


def test_classes_are_told_by_their_share(files):
    files.change("label", [0, 1, 1, 1], splits=("train",))
    (task,) = summarise(files.written())
    assert task.rows == (4, 2, 2)
    assert task.inputs == "text: text"
    assert task.labels == ("1 75.0 %, 0 25.0 %", "2 classes, entropy 0.81 of 1.00 bits")
    assert task.imbalance == "most : least frequent 3.0 : 1, effectively 1.8 classes"
    assert task.trivial == (0.5, 0.5)


def test_rows_without_a_label_are_counted(files):
    files.spec["missing_labels"] = "skip"
    files.change("label", [0, None, 1, 1], splits=("train",))
    (task,) = summarise(files.written())
    assert task.rows == (3, 2, 2)
    assert task.missing == (1, 0, 0)


def test_every_kind_has_a_distribution():
    told = {task.kind: task.labels for task in summarise(setups.read("diverse", data_dir=None))}
    assert "tags, entropy" in told["tagging"][1]
    assert told["multilabel"][1].endswith("a row")
    assert told["regression"][0].startswith("mean ")
    assert told["regression"][1].startswith("quartiles ")


def test_inputs_of_several_sorts_are_told_one_after_the_other(files):
    files.spec |= {"columns": {"numeric": ["x"]}, "vector": "v"}
    for split, count in (("train", 4), ("valid", 2), ("test", 2)):
        files.change("x", list(map(float, range(count))), splits=(split,))
        files.change("v", [[1.0, 2.0]] * count, splits=(split,))
    (task,) = summarise(files.written())
    assert task.inputs == "text: text + 1 numeric, 0 categorical columns + vector: v"
