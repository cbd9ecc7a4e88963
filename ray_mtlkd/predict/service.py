"""A kept model over HTTP: ``POST /predict``, ``GET /health``, and ``/docs`` with the model's own tasks and columns.

A browser lets any page ask this machine, so that a request counts only where its Host is one that nobody else can give
themselves, and its content is declared as JSON, which pages of other origins may not send unasked.
"""

import ipaddress
import os
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib import metadata
from typing import Any

from anyio import CapacityLimiter, to_thread
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from fastapi_offline import FastAPIOffline
from starlette.middleware.body_limit import RequestBodyLimitMiddleware

from ray_mtlkd.errors import MtlkdError, gather
from ray_mtlkd.predict.model_folder import KeptModel
from ray_mtlkd.predict.predictions import Answers
from ray_mtlkd.predict.questions import (
    Exchange,
    Question,
    answer_question,
    answer_schema,
    example_of,
    question_schema,
    read_question,
)
from ray_mtlkd.serial import plain

_GROUP = "The model"
"""The heading of the page on the interface."""
_Next = Callable[[Request], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True)
class ServiceLimits:
    """What is answered at most.

    Attributes:
        rows: Of a request.
        body_bytes: Of a request.
        at_once: Requests that are computed at the same time; others wait.
    """

    rows: int
    body_bytes: int
    at_once: int = field(default_factory=lambda: os.cpu_count() or 1)


def make_app(kept: KeptModel, *, hosts: Collection[str], limits: ServiceLimits) -> FastAPI:
    """The application.

    Args:
        kept: Its model is on the CPU; it has predicted an example once this returns.
        hosts: Names that a request's Host header may have; addresses in numbers are always fine, since no name server
            can make one of another's page.
        limits: Of requests.

    Raises:
        MtlkdError: where the model cannot predict an example of its own.
    """
    example = example_of(kept)
    app = FastAPIOffline(
        title=f"{kept.origin.setup}: {', '.join(task.name for task in kept.tasks)}",
        description=f"A multitask model, trained as {kept.origin.trial} of the sweep {kept.origin.sweep}.",
        version=metadata.version("ray-mtlkd"),
        redoc_url=None,
    )
    app.add_middleware(RequestBodyLimitMiddleware, max_body_size=limits.body_bytes)
    app.middleware("http")(partial(_admit, frozenset(name.lower() for name in hosts), limits))
    app.exception_handler(413)(partial(_refuse_size, limits))
    slots = CapacityLimiter(limits.at_once)

    @app.get(
        "/health",
        tags=[_GROUP],
        summary="Whether it answers, and by which model.",
        responses={200: _json({"example": _health(kept)})},
    )
    async def health() -> JSONResponse:
        return JSONResponse(_health(kept))

    @app.post(
        "/predict",
        tags=[_GROUP],
        summary="What the model says of rows, in their order.",
        description="As `ray-mtlkd predict` does; `notes` are what it prints as notes.",
        openapi_extra={"requestBody": {"required": True, **_json(_question_page(kept, example.question, limits))}},
        responses=_responses(kept, example),
    )
    async def predict(request: Request) -> JSONResponse:
        if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/json":
            fix = "send JSON with the header Content-Type: application/json"
            return _refusal(415, [MtlkdError("is not declared as JSON", where="the request", fix=fix)])
        body = await request.body()
        return await to_thread.run_sync(partial(_answer, kept, body, limits), limiter=slots)

    return app


def _answer(kept: KeptModel, body: bytes, limits: ServiceLimits) -> JSONResponse:
    """The response to a request, computed in a thread: reading JSON and writing it are part of the work."""
    problems: list[MtlkdError] = []
    with gather(problems):
        question = read_question(body)
        if len(question.rows) > limits.rows:
            fix = f"ask for {limits.rows} at a time, or start the service with a higher --max-rows"
            return _refusal(413, [MtlkdError(f"{len(question.rows)} of them", where="rows", fix=fix)])
        return JSONResponse(_said(kept, answer_question(kept, question)))
    return _refusal(422, problems)


def _said(kept: KeptModel, answers: Answers) -> dict[str, Any]:
    return {"trial": kept.origin.trial, "rows": answers.table.to_pylist(), "notes": list(answers.notes)}


def _health(kept: KeptModel) -> dict[str, Any]:
    return {"status": "ok", "trial": kept.origin.trial, "tasks": [task.name for task in kept.tasks]}


def _refusal(status: int, problems: Sequence[MtlkdError]) -> JSONResponse:
    errors = [{"where": one.where, "what": one.what, "fix": one.fix} for one in problems]
    return JSONResponse({"errors": errors}, status_code=status)


async def _admit(hosts: Collection[str], limits: ServiceLimits, request: Request, call_next: _Next) -> Any:
    """The response, but to requests by a name that is not this service's, or that say that they are too large."""
    name = request.url.hostname or ""
    if name.lower() not in hosts and not _is_address(name):
        fix = "ask by an address in numbers, or start the service with --allow-host and this name"
        return _refusal(400, [MtlkdError(f"{name!r} is no name of this service", where="Host", fix=fix)])
    if int(request.headers.get("content-length", 0)) > limits.body_bytes:
        return await _refuse_size(limits)
    return await call_next(request)


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


async def _refuse_size(limits: ServiceLimits, *_: object) -> JSONResponse:
    what = f"takes more than {limits.body_bytes / 2**20:g} MiB"
    fix = "ask for fewer rows at a time, or start the service with a higher --max-mb"
    return _refusal(413, [MtlkdError(what, where="the request", fix=fix)])


def _json(content: dict[str, Any]) -> dict[str, Any]:
    """Content of the page on the interface."""
    return {"content": {"application/json": content}}


def _question_page(kept: KeptModel, example: Question, limits: ServiceLimits) -> dict[str, Any]:
    return {"schema": question_schema(kept, most_rows=limits.rows), "example": plain(example)}


def _responses(kept: KeptModel, example: Exchange) -> dict[int | str, dict[str, Any]]:
    """What may come back: the answers to the example, and the form that errors have."""
    text = {"type": "string"}
    answers = {
        "trial": {**text, "description": "That the model is of."},
        "rows": {"type": "array", "items": answer_schema(example.columns)},
        "notes": {"type": "array", "items": text, "description": "What a reader should know of the rows."},
    }
    problem = {"type": "object", "properties": dict.fromkeys(("where", "what", "fix"), text)}
    errors = {"type": "object", "properties": {"errors": {"type": "array", "items": problem}}}
    meanings = {
        400: "The Host header is no name of this service.",
        413: "Too many rows, or bytes.",
        415: "The content is not declared as JSON.",
        422: "The rows do not fit; every problem at once.",
    }
    return {
        200: {
            "description": "The answers.",
            **_json({"schema": {"type": "object", "properties": answers}, "example": _said(kept, example.answers)}),
        },
        **{status: {"description": meaning, **_json({"schema": errors})} for status, meaning in meanings.items()},
    }
