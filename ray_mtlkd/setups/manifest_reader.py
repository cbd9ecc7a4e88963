"""A manifest in plain YAML data, decoded and checked: every problem of it at its own key."""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from ray_mtlkd.data.examples import SPLITS
from ray_mtlkd.decode import decode, document, join, unknown_name
from ray_mtlkd.errors import MtlkdError, gather, raise_all, within, without_repeats
from ray_mtlkd.setups.manifest import FORMS, PART_OF, TOKEN_FORMS, Form, InputSpec, Manifest, TaskSpec
from ray_mtlkd.storage import FILE_NAME
from ray_mtlkd.tasks.kinds import KINDS, kind_named
from ray_mtlkd.tasks.metrics import check_metric


@document
class _Outline:
    name: str
    tasks: dict[str, dict[str, Any]]
    source: str | None = None
    folder: str | None = None
    shared: dict[str, Any] | None = None


def parse_manifest(value: Any, *, where: str) -> Manifest:
    """The manifest in plain YAML data; ``where`` names its file.

    Raises:
        MtlkdError: the only problem.
        ExceptionGroup: of ``MtlkdError``, where there are several.
    """
    problems: list[MtlkdError] = []
    outline = None
    with gather(problems):
        outline = decode(_Outline, value, where="")
    given = value if isinstance(value, dict) else {}
    tasks, shared = given.get("tasks"), given.get("shared")
    found = len(problems)
    if isinstance(shared, dict):
        problems += _form_problems(shared, "shared")
        with gather(problems):
            decode(InputSpec, shared, where="shared")
    specs: dict[str, TaskSpec] = {}
    # where the shared inputs are wrong, every task would only say so again
    for name, raw in (tasks if isinstance(tasks, dict) and len(problems) == found else {}).items():
        if not isinstance(name, str) or not isinstance(raw, dict):
            continue
        at = join("tasks", name)
        whole = {**raw, **shared} if isinstance(shared, dict) else raw
        problems += _form_problems(raw, at) if shared is None else _own_input_problems(raw, at)
        knows_kind = False
        with gather(problems):
            knows_kind = _knows_kind(whole, at)
        problems += _kind_problems(whole, at) if knows_kind else ()
        problems += _group_problems(whole, at, shared=shared is not None) if knows_kind else ()
        problems += _weight_problems(whole, at) if knows_kind else ()
        problems += _unlabelled_problems(whole, at, shared=shared is not None) if knows_kind else ()
        with gather(problems):
            specs[name] = decode(TaskSpec, whole, where=at)
            problems += _spec_problems(specs[name], at, inputs=at if shared is None else "shared") if knows_kind else ()
    if specs and not any(spec.weight for spec in specs.values()) and len(problems) == found:
        problems.append(MtlkdError("no task counts", where="tasks", fix="give one of them a weight above 0"))
    if outline is not None:
        problems += _name_problems(outline)
    raise_all(where, within(where, without_repeats(problems)))
    assert outline is not None  # noqa: S101 - an undecoded outline left a problem, which was raised
    return Manifest(
        name=outline.name,
        tasks=specs,
        source=outline.source,
        folder=outline.folder,
        shares_rows=outline.shared is not None,
    )


def _name_problems(outline: _Outline) -> Iterable[MtlkdError]:
    named = [("name", outline.name), *((join("tasks", name), name) for name in outline.tasks)]
    for where, name in named:
        if not FILE_NAME.fullmatch(name):
            fix = "use up to 64 letters, digits, '_', '-' and '.', and begin with no '-' or '.'"
            yield MtlkdError(f"{name!r} is not safe as a file name", where=where, fix=fix)
    if not outline.tasks:
        yield MtlkdError("no tasks", where="tasks", fix="describe at least one task")
    for folded, count in Counter(name.casefold() for name in outline.tasks).items():
        if count > 1:
            yield MtlkdError(
                f"{count} tasks are called {folded!r} apart from upper and lower case",
                where="tasks",
                fix="give every task a name of its own",
            )


def _given(raw: Mapping[str, Any]) -> list[Form]:
    return [form for form in FORMS if raw.get(form) is not None]


def _form_problems(raw: Mapping[str, Any], where: str) -> Iterable[MtlkdError]:
    given = _given(raw)
    if not given:
        yield MtlkdError("no inputs given", where=where, fix=f"give one of: {', '.join(FORMS)}")
    alone = next((form for form in given if form in TOKEN_FORMS), None)
    repeated = len({PART_OF[form] for form in given}) < len(given)
    if len(given) > 1 and (alone is not None or repeated):
        fix = "give one of them; beside each other stand text or pair, columns and vector"
        yield MtlkdError(f"{' and '.join(given)} given", where=where, fix=fix)


def _own_input_problems(raw: Mapping[str, Any], where: str) -> Iterable[MtlkdError]:
    """What a task says that `shared` says for all tasks."""
    for key in ("data", "split", "rows", "csv", "separator", "na_values", "allow_unseen", *_given(raw)):
        if key in raw:
            yield MtlkdError(
                "the setup's `shared` gives the inputs of all tasks",
                where=join(where, key),
                fix="remove it here, or give every task its own inputs and leave `shared` out",
            )


def _knows_kind(raw: Mapping[str, Any], where: str) -> bool:
    """Whether a task names a kind; False where decoding it will say what is there instead.

    Raises:
        MtlkdError: where nobody knows a kind of this name.
    """
    if not isinstance(raw.get("kind"), str):
        return False
    KINDS.find(raw["kind"], where=join(where, "kind"))
    return True


def _kind_problems(raw: Mapping[str, Any], where: str) -> Iterable[MtlkdError]:
    """What can be said of a task of a known kind even where other keys of it do not fit."""
    name, given, metric, loss = raw["kind"], _given(raw), raw.get("metric"), raw.get("loss")
    kind = kind_named(name)
    if isinstance(metric, str):
        problem = check_metric(metric, name, where=join(where, "metric"))
        if problem is not None:
            yield problem
    if isinstance(loss, str) and loss not in kind.losses:
        yield unknown_name(loss, kind.losses, what="loss", where=join(where, "loss"))
    if kind.per_token and given and not TOKEN_FORMS & set(given):
        yield MtlkdError(
            f"{name} cannot read {given[0]}",
            where=join(where, given[0]),
            fix="give tokens (a column of lists of words) or token_vectors",
        )
    if not kind.per_token and "token_vectors" in given:
        able = " and ".join(other for other in KINDS if KINDS[other].per_token)
        fix = "give vector: a column of lists of numbers"
        yield MtlkdError(f"only {able} reads token_vectors, not {name}", where=join(where, "token_vectors"), fix=fix)


def _group_problems(raw: Mapping[str, Any], where: str, *, shared: bool) -> Iterable[MtlkdError]:
    kind, group = kind_named(raw["kind"]), raw.get("group")
    if kind.per_group and shared:
        fix = "give every task its own inputs, and leave `shared` out"
        what = "rows that belong together do not fit into batches that other tasks share"
        yield MtlkdError(what, where=join(where, "kind"), fix=fix)
    if kind.per_group and group is None:
        fix = f"name the column that says which rows of a {raw['kind']} task belong together, its queries"
        yield MtlkdError("missing", where=join(where, "group"), fix=fix)
    if not kind.per_group and group is not None:
        yield MtlkdError(f"a {raw['kind']} task has no groups", where=join(where, "group"), fix="remove it")
    if kind.per_group and raw.get("rows") is not None:
        what = "rows that belong together are not drawn one by one"
        yield MtlkdError(what, where=join(where, "rows"), fix="remove it, and write a smaller train table")
    if isinstance(group, str) and group == raw.get("label"):
        fix = "name another column"
        yield MtlkdError(f"the label {group!r} is also the group", where=join(where, "group"), fix=fix)


def _weight_problems(raw: Mapping[str, Any], where: str) -> Iterable[MtlkdError]:
    kind, column = kind_named(raw["kind"]), raw.get("weight_column")
    if raw.get("class_weights") is not None and kind.labels not in {"class", "tags"}:
        what = f"a label of a {raw['kind']} task is not one class"
        fix = "remove it" if kind.per_group else "remove it; weight_column weighs rows"
        yield MtlkdError(what, where=join(where, "class_weights"), fix=fix)
    if column is None:
        return
    where = join(where, "weight_column")
    if kind.per_group:
        what = f"the rows of a {raw['kind']} task are compared with each other, and have no loss of their own"
        yield MtlkdError(what, where=where, fix="remove it")
    if column == raw.get("label"):
        yield MtlkdError(f"the label {column!r} is also the weight", where=where, fix="name another column")


def _unlabelled_problems(raw: Mapping[str, Any], where: str, *, shared: bool) -> Iterable[MtlkdError]:
    name = raw.get("unlabelled")
    if not isinstance(name, str):
        return
    where = join(where, "unlabelled")
    if not FILE_NAME.fullmatch(name) or name in SPLITS:
        fix = "name a table beside train, valid and test by its file without the ending"
        yield MtlkdError(f"{name!r} is no name of a table without labels", where=where, fix=fix)
    if shared:
        what = "one batch serves all tasks, of rows that some of them have labels of"
        yield MtlkdError(what, where=where, fix="remove it, or give every task its own inputs and leave `shared` out")
    if kind_named(raw["kind"]).per_group:
        what = f"the rows of a {raw['kind']} task belong to groups, which a table without labels does not tell"
        yield MtlkdError(what, where=where, fix="remove it")


def _spec_problems(spec: TaskSpec, where: str, *, inputs: str) -> Iterable[MtlkdError]:
    """What does not fit in a decoded task; ``inputs`` is where its inputs are described."""
    yield from _column_problems(spec, inputs)
    columns = spec.input_columns
    if spec.label in columns:
        fix = "leave the label out of the inputs: a model would only copy it"
        yield MtlkdError(f"the label {spec.label!r} is also an input", where=join(where, "label"), fix=fix)
    if spec.weight_column in columns:
        fix = "leave the weight out of the inputs: rows to be predicted have none"
        yield MtlkdError(f"{spec.weight_column!r} is also an input", where=join(where, "weight_column"), fix=fix)
    yield from _split_problems(spec, where, inputs=inputs)
    if spec.threshold is not None:
        yield from _threshold_problems(spec, join(where, "threshold"))
    if spec.classes is not None:
        yield from _class_problems(spec, join(where, "classes"))
    if spec.format == "positions" and not spec.class_names:
        fix = "list the names in `classes`, or leave this out: labels that are numbers are called so"
        yield MtlkdError("no names to count", where=join(where, "format"), fix=fix)
    if spec.format == "indicator" and kind_named(spec.kind).labels != "classes":
        fix = "remove it"
        yield MtlkdError(f"a {spec.kind} task has no list of labels a row", where=join(where, "format"), fix=fix)


def _column_problems(spec: TaskSpec, inputs: str) -> Iterable[MtlkdError]:
    """Input columns that are missing, or named twice."""
    before: tuple[str, ...] = ()
    for form in spec.forms:
        columns = spec.only(form).input_columns
        if not columns:
            yield MtlkdError("no input column", where=join(inputs, form), fix="name at least one column")
        for column, count in Counter(columns).items():
            if count > 1 or column in before:
                said = f"stands here {count} times" if count > 1 else "is an input of another form as well"
                fix = "name every column once"
                yield MtlkdError(f"column {column!r} {said}", where=join(inputs, form), fix=fix)
        before += columns


def _split_problems(spec: TaskSpec, where: str, *, inputs: str) -> Iterable[MtlkdError]:
    if spec.split is None:
        return
    if spec.split.valid + spec.split.test >= 1:
        fix = "give shares that leave some rows to train"
        yield MtlkdError("valid and test take all rows", where=join(inputs, "split"), fix=fix)
    if spec.unlabelled is not None:
        fix = "write train, valid and test into a folder, the table without labels beside them, and leave `split` out"
        yield MtlkdError("one file has no other table beside it", where=join(where, "unlabelled"), fix=fix)


def _threshold_problems(spec: TaskSpec, where: str) -> Iterable[MtlkdError]:
    if not kind_named(spec.kind).has_threshold:
        yield MtlkdError(f"a {spec.kind} task has no threshold", where=where, fix="remove it")
    elif not 0 < spec.threshold < 1:  # type: ignore[operator]
        yield MtlkdError(f"{spec.threshold} is not a probability", where=where, fix="give a number between 0 and 1")


def _class_problems(spec: TaskSpec, where: str) -> Iterable[MtlkdError]:
    number = spec.classes if isinstance(spec.classes, int) else len(spec.classes or ())
    rule = kind_named(spec.kind).classes
    if rule is None:
        yield MtlkdError(f"a {spec.kind} task has no classes", where=where, fix="remove the key")
    elif rule.roles and number != len(rule.roles):
        fix = f"give one for each of: [{', '.join(rule.roles)}]"
        yield MtlkdError(f"{number} classes in a {spec.kind} task", where=where, fix=fix)
    elif number < rule.least:
        yield MtlkdError(f"{number} classes", where=where, fix=f"give at least {rule.least}")
    for name, count in Counter(() if isinstance(spec.classes, int) else spec.classes).items():
        if count > 1:
            yield MtlkdError(f"class {name!r} stands here {count} times", where=where, fix="name every class once")
