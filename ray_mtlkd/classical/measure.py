"""The classical model of one task: fitted on train, chosen on validation, measured on both."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from threadpoolctl import threadpool_limits

from ray_mtlkd.classical import rows, tags
from ray_mtlkd.classical.models import MEASURED, Fit, Outputs, boosted, linear
from ray_mtlkd.classical.rows import Rows
from ray_mtlkd.data.examples import SPLITS, Split
from ray_mtlkd.setups.manifest import Form
from ray_mtlkd.setups.trivial import label_offsets
from ray_mtlkd.setups.validated import ValidatedTask
from ray_mtlkd.tasks.kinds import kind_of
from ray_mtlkd.tasks.metrics import evaluate, metric_of

Tell = Callable[[str, int, int], None]
"""Is told of a model's name, and how many of its parts, one a class, of how many are fitted."""

_FEW = linear(0.1, 1.0, 10.0)
"""Of rows with few columns."""
_LOGISTIC_OF_TEXT = 10.0
_RIDGE_OF_TEXT = (0.3, 1.0)
_TAGGERS = (0.3, 1.0)
"""Inverse penalties that are tried."""


_DIRECTIONS = 32
"""Of texts, that stand beside columns and vectors where these are boosted."""
_DENSE: Mapping[Form, Callable[[ValidatedTask], Rows]] = {
    "pair": rows.overlap,
    "columns": rows.columns,
    "vector": rows.standardised_vectors,
}
_SAID: Mapping[Form, str] = {
    "text": "TF-IDF with chars",
    "pair": "token overlap",
    "columns": "columns",
    "vector": "vectors",
}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What a task's classical model reaches, in the metric's own unit."""

    model: str
    valid: float
    test: float
    cpu_s: float


def measure(task: ValidatedTask, tell: Tell = lambda *_: None) -> Measured:
    """Fit the models for the task's kind and inputs, keep the one that is best on validation, and measure it on test.

    Args:
        task: What to learn.
        tell: Told of progress.

    Raises:
        MtlkdError: where the inputs give nothing to learn from.
    """
    started = time.process_time()
    sign = metric_of(task.task).sign
    best: tuple[float, str, Outputs] | None = None
    # One thread: it is the machine's other cores that train the networks, and sums do not depend on their number.
    with threadpool_limits(limits=1), warnings.catch_warnings():
        # A fit that ran out of iterations is a candidate like any other: validation decides.
        warnings.simplefilter("ignore", ConvergenceWarning)
        for name, outputs in _candidates(task, tell):
            valid = _metric(task, "valid", outputs)
            if best is None or sign * valid > sign * best[0]:
                best = valid, name, outputs
        assert best is not None  # noqa: S101 - every kind and form has a candidate
        valid, name, outputs = best
        test = _metric(task, "test", outputs)
    return Measured(model=name, valid=valid, test=test, cpu_s=time.process_time() - started)


def _metric(task: ValidatedTask, split: Split, outputs: Outputs) -> float:
    return evaluate(task.task, outputs[split], task.splits[split].labels, label_offsets(task, split))


def _candidates(task: ValidatedTask, tell: Tell) -> Iterator[tuple[str, Outputs]]:
    """Every fitted model with its name, by the task's kind and input forms: of each form, and of all together."""
    if kind_of(task.task).per_token:
        yield from _taggers(task, tell)
        return
    alone = {form: replace(task, spec=task.spec.only(form)) for form in task.spec.forms}
    for part in alone.values():
        yield from _of_one_form(part, tell)
    if len(alone) > 1:
        yield from _together(task, alone, tell)


def _together(task: ValidatedTask, alone: Mapping[Form, ValidatedTask], tell: Tell) -> Iterator[tuple[str, Outputs]]:
    """Models of all of a task's input forms."""
    said, given, fit = ", ".join(_SAID[form] for form in alone), task.spec.columns, _FEW
    dense: dict[Form, Rows] = {form: _DENSE[form](part) for form, part in alone.items() if form != "text"}
    wide = dict(dense)
    if given is not None:
        wide["columns"] = rows.indicators(alone["columns"])
    if "text" in alone:
        wide["text"] = rows.beside(rows.words(alone["text"]), rows.characters(alone["text"]))
        dense["text"] = rows.reduced(wide["text"], width=_DIRECTIONS)
        fit = _text(task)
    yield from _fitted(task, rows.beside(*wide.values()), {f"{said} + {_plain(task)}": fit}, tell)
    # categories first: their places are then known
    order = sorted(dense, key=lambda form: form != "columns")
    table = {split: np.hstack([dense[form][split] for form in order]) for split in SPLITS}
    codes = None if given is None else range(len(given.numeric), len(given.numeric) + len(given.categorical))
    yield from _fitted(task, table, {f"{said} + gradient boosting": boosted(categorical=codes)}, tell)


def _plain(task: ValidatedTask) -> str:
    return "ridge regression" if kind_of(task.task).labels == "number" else "logistic regression"


def _of_one_form(task: ValidatedTask, tell: Tell) -> Iterator[tuple[str, Outputs]]:
    """Models of a task's only input form."""
    form, plain = task.spec.form, _plain(task)
    if form in {"text", "tokens"}:
        words = rows.words(task)
        yield from _fitted(task, words, {f"TF-IDF + {plain}": _text(task)}, tell)
        both = rows.beside(words, rows.characters(task))
        yield from _fitted(task, both, {f"TF-IDF with chars + {plain}": _text(task)}, tell)
    elif form == "pair":
        fits = {f"token overlap + {plain}": _FEW, "token overlap + gradient boosting": boosted()}
        yield from _fitted(task, rows.overlap(task), fits, tell)
    elif task.spec.columns is not None:
        numeric, categorical = len(task.spec.columns.numeric), len(task.spec.columns.categorical)
        codes = range(numeric, numeric + categorical)
        yield from _fitted(task, rows.columns(task), {"gradient boosting": boosted(categorical=codes)}, tell)
    else:
        yield from _fitted(task, rows.standardised_vectors(task), {plain: _FEW, "gradient boosting": boosted()}, tell)


def _text(task: ValidatedTask) -> Fit:
    return linear(*_RIDGE_OF_TEXT) if kind_of(task.task).labels == "number" else linear(_LOGISTIC_OF_TEXT, wide=True)


def _fitted(task: ValidatedTask, inputs: Rows, fits: Mapping[str, Fit], tell: Tell) -> Iterator[tuple[str, Outputs]]:
    for name, fit in fits.items():
        tell(name, 0, 1)
        for model in fit(task.task, inputs, task.splits["train"].labels, partial(tell, name)):
            yield f"{name} ({model.sample})" if model.sample else name, model.outputs


def _taggers(task: ValidatedTask, tell: Tell) -> Iterator[tuple[str, Outputs]]:
    of_words = task.spec.form == "tokens"
    inputs = tags.word_features(task) if of_words else rows.standardised_vectors(task)
    name = f"logistic regression{' on words' if of_words else ''}, Viterbi"
    tell(name, 0, 1)
    labels, offsets = task.splits["train"].labels.astype(np.int64), tags.offsets_of(task, "train")
    for tagger in tags.fit_taggers(inputs["train"], labels, offsets, _TAGGERS):
        yield name, {split: tagger.tag(inputs[split], tags.offsets_of(task, split)) for split in MEASURED}
