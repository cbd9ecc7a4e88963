"""A kept model's network as graphs that other programs run, one a task: PyTorch's own, or ONNX.

::

    TASK.pt2 or TASK.onnx      features of rows go in, the task's raw outputs come out
    graphs.json                what goes in and comes out, and how the columns of a table become features

A graph begins where the featuriser ends. What it says was compared with the model on rows that the user gave, also in
other numbers than those that it was made from.
"""

import json
import logging
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np
import pyarrow as pa
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from ray_mtlkd import setups
from ray_mtlkd.data.examples import unlabelled
from ray_mtlkd.errors import MtlkdError, first_line
from ray_mtlkd.imports import Later
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.serial import plain
from ray_mtlkd.storage import reaching

GraphFormat = Literal["onnx", "torch"]

_onnxruntime = Later("onnxruntime")

_TRACED_ROWS = 40
_CHECKED_ROWS = 1024
_CLOSE = 1e-4
"""How far outputs may be apart, beside the largest of them or 1: other orders of summing in single precision."""

_RUNTIMES: Mapping[GraphFormat, str] = {"onnx": "onnx", "torch": "pt2"}
"""How files of graphs end."""

_CHATTY = ("torch.onnx", "onnxscript", "onnx_ir")
"""Loggers that tell of operators of packages that nobody uses."""


class _TaskNetwork(nn.Module):
    """A task's outputs from the tensors that its inputs consist of.

    Args:
        kept: The model.
        task: Its name.
        like: Inputs whose structure others have.
    """

    def __init__(self, kept: KeptModel, task: str, like: Any) -> None:
        super().__init__()
        self.model = kept.model
        self._task = kept.index(task)
        self._like = like

    def forward(self, *tensors: Tensor) -> Tensor:
        """Raw outputs."""
        outputs: Tensor = self.model(self._task, _rebuilt(self._like, iter(tensors)))
        return outputs


def features_of(kept: KeptModel, task: str, table: pa.Table, *, where: str = "the table") -> dict[str, NDArray[Any]]:
    """What a task's graph reads of a table's rows, by the names of its inputs.

    Raises:
        MtlkdError: where the model has no such task or a column does not fit; ExceptionGroup of them, where several do
            not.
    """
    return {name: tensor.numpy() for name, tensor in _tensors(_inputs(kept, task, table, where=where))}


def export_graphs(
    kept: KeptModel, tables: Mapping[str, pa.Table], folder: Path, *, form: GraphFormat, where: str
) -> dict[str, float]:
    """Write the graphs of some tasks: all or none.

    Args:
        kept: Its model is on the CPU.
        tables: Rows that each task reads, which its graph is made from and checked on.
        folder: Does not exist, or is empty.
        form: Of the graphs; `onnx` wants the extra of this name.
        where: Names the tables in errors.

    Returns:
        The largest difference between the outputs of graph and model, by task.

    Raises:
        MtlkdError: where a task's network cannot be a graph, which then says something else, or the folder holds
            something.
    """
    if folder.exists() and any(folder.iterdir()):
        raise MtlkdError("the folder is not empty", where=str(folder), fix="name another one")
    with reaching(str(folder)):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as made:
            draft = Path(made) / "graphs"
            draft.mkdir()
            apart, about = {}, {}
            for task, table in tables.items():
                file = f"{task}.{_RUNTIMES[form]}"
                apart[task] = _export(kept, task, table, draft / file, form=form, where=where)
                about[task] = _about(kept, task, table.slice(0, 1), file=file, where=where)
            (draft / "graphs.json").write_text(json.dumps(about, indent=1), encoding="utf-8")
            draft.replace(folder)
    return apart


def _export(kept: KeptModel, task: str, table: pa.Table, file: Path, *, form: GraphFormat, where: str) -> float:
    """Write a task's graph; returns how far its outputs are from the model's."""
    copies = -(-4 // table.num_rows)  # so that a graph is not of one row, nor a check of the same number
    rows = pa.concat_tables([table] * copies).slice(0, _CHECKED_ROWS)
    traced = _inputs(kept, task, rows.slice(0, min(_TRACED_ROWS, rows.num_rows - 1)), where=where)
    graph = _TaskNetwork(kept, task, traced).eval()
    names, tensors = zip(*_tensors(traced), strict=True)
    try:
        with warnings.catch_warnings(), _quiet():
            warnings.simplefilter("ignore")
            shapes = (tuple({0: torch.export.Dim.AUTO} for _ in tensors),)
            program = torch.export.export(graph, tensors, dynamic_shapes=shapes)
            if form == "torch":
                torch.export.save(program, file)
            else:
                made = torch.onnx.export(
                    program, dynamo=True, input_names=names, output_names=["outputs"], verbose=False
                )
                cast(Any, made).save(str(file))
            ask = _runner(file, form)
            parts = (rows, rows.slice(0, 2), *([rows.slice(0, 1)] if form == "onnx" else []))
            return max(_apart(ask, graph, _inputs(kept, task, part, where=where)) for part in parts)
    except (RuntimeError, AssertionError, ValueError, TypeError) as error:
        raise _no_graph(kept, task, error, form) from error


def _apart(ask: Any, graph: _TaskNetwork, inputs: Any) -> float:
    """How far the outputs of a graph are from the model's.

    Raises:
        AssertionError: where that is more than rounding.
    """
    named = dict(_tensors(inputs))
    with torch.no_grad():
        wanted = graph(*named.values()).numpy()
    found = ask(named)
    if found.shape != wanted.shape:
        raise AssertionError(f"its outputs are {found.shape}, the model's {wanted.shape}")
    apart = float(np.abs(found - wanted).max(initial=0.0))
    if not apart <= _CLOSE * max(1.0, float(np.abs(wanted).max(initial=0.0))):
        raise AssertionError(f"its outputs are {apart:.2g} from the model's")
    return apart


def _runner(file: Path, form: GraphFormat) -> Any:
    """What gives a written graph's outputs of inputs by name."""
    if form == "torch":
        module = torch.export.load(file).module()
        return lambda named: module(*named.values()).detach().numpy()
    session = _onnxruntime.InferenceSession(str(file))
    wanted = [each.name for each in session.get_inputs()]
    return lambda named: session.run(None, {name: named[name].numpy() for name in wanted})[0]


def _no_graph(kept: KeptModel, task: str, error: BaseException, form: GraphFormat) -> MtlkdError:
    why = error
    while why.__cause__ is not None:
        why = why.__cause__
    fix = {"onnx": "take --format torch, or a model with encoder mlp or bag", "torch": "take encoder mlp, bag or cnn"}
    return MtlkdError(
        f"the network of {task} cannot be such a graph ({first_line(why)[:200]})",
        where=kept.uri,
        fix=f"{fix[form]}; a pretrained encoder has --format hf",
    )


def _about(kept: KeptModel, task: str, row: pa.Table, *, file: str, where: str) -> dict[str, Any]:
    """What a reader of a graph must know; of texts, what makes features of them is this package alone."""
    known, featuriser = kept.tasks[kept.index(task)], kept.featurisers[task]
    found = dict(_tensors(_inputs(kept, task, row, where=where)))
    return {
        "file": file,
        "inputs": {
            name: {"dtype": str(tensor.dtype).removeprefix("torch."), "shape": ["any", *tensor.shape[1:]]}
            for name, tensor in found.items()
        },
        "columns": {name: rule.sort for name, rule in featuriser.rules.items()},
        "features": plain(featuriser) if featuriser.layout.form == "Dense" else "ray_mtlkd.predict.graph.features_of",
        "task": plain(known),
    }


def _inputs(kept: KeptModel, task: str, table: pa.Table, *, where: str) -> Any:
    featuriser = kept.featurisers[task]
    checked = setups.check_inputs(table, featuriser.rules, where=where)
    return unlabelled(featuriser.transform(checked.columns), table.num_rows).inputs


def _tensors(inputs: Any, before: str = "") -> Iterator[tuple[str, Tensor]]:
    """The tensors that inputs consist of, by name."""
    for part in fields(inputs):
        value = getattr(inputs, part.name)
        if is_dataclass(value):
            yield from _tensors(value, f"{before}{part.name}_")
        elif isinstance(value, Tensor):
            yield f"{before}{part.name}", value


def _rebuilt(like: Any, tensors: Iterator[Tensor]) -> Any:
    """Inputs of the same structure from other tensors."""
    found = {}
    for part in fields(like):
        value = getattr(like, part.name)
        if is_dataclass(value):
            found[part.name] = _rebuilt(value, tensors)
        else:
            found[part.name] = next(tensors) if isinstance(value, Tensor) else value
    return type(like)(**found)


class _quiet:  # noqa: N801 - reads as a word where it is used
    """Nothing but errors is told by those who export."""

    def __enter__(self) -> None:
        self._before = {name: logging.getLogger(name).level for name in _CHATTY}
        for name in _CHATTY:
            logging.getLogger(name).setLevel(logging.ERROR)

    def __exit__(self, *_: object) -> None:
        for name, level in self._before.items():
            logging.getLogger(name).setLevel(level)
