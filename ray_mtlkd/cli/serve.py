"""`ray-mtlkd serve`: a kept model over HTTP."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from ray_mtlkd.cli.paths import CodeDir, KeptModel, code_path
from ray_mtlkd.cli.stops import stoppable
from ray_mtlkd.console.plain import open_console
from ray_mtlkd.errors import MtlkdError
from ray_mtlkd.imports import importing

if TYPE_CHECKING:
    from fastapi import FastAPI

EXAMPLE = "Example: `ray-mtlkd serve runs/first/models/best/shop --port 8000`"
_NEEDED = ("fastapi", "fastapi_offline", "uvicorn")
_CONNECTIONS = 128
"""At the same time; each may hold a request in memory."""
_LAST_ANSWERS_S = 10
"""What answers that are under way have once the service is stopped."""


def serve(
    model: KeptModel,
    *,
    host: Annotated[
        str, typer.Option(help="Address to listen at; 0.0.0.0 is every one of this machine.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes any that is free.")] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            help="A name that the service is asked by; several may be given.", metavar="NAME", show_default=False
        ),
    ] = None,
    max_rows: Annotated[int, typer.Option(min=1, help="Of a request.", metavar="ROWS")] = 10_000,
    max_mb: Annotated[int, typer.Option(min=1, help="Of a request, in MiB.", metavar="MIB")] = 2,
    code: CodeDir = None,
) -> None:
    """Answer requests with a kept model: what `predict` says of a file's rows, for rows in JSON.

    POST /predict takes rows, GET /health says that it is there, /docs shows both for this model's tasks and columns. A
    prediction uses one core, and there are as many at once as the machine has; others wait. There is no password and no
    encryption: that is why it listens at 127.0.0.1 alone unless told otherwise.
    """
    if not all(map(find_spec, _NEEDED)):
        raise MtlkdError("FastAPI is not installed", where="serve", fix="pip install 'ray-mtlkd[serve]'")
    with importing():
        import torch

        from ray_mtlkd.predict.model_folder import load_model
        from ray_mtlkd.predict.service import ServiceLimits, make_app

    code_path(code)
    console = open_console()
    kept = load_model(model)
    torch.set_num_threads(1)  # of each prediction: more of them at once is what there is to gain
    with _listening(host, port) as listener:
        names = ["localhost", host, *([] if _is_loopback(listener) else [socket.gethostname()]), *(allow_host or ())]
        app = make_app(kept, hosts=names, limits=ServiceLimits(rows=max_rows, body_bytes=max_mb * 2**20))
        at, tasks = _address(listener), ", ".join(task.name for task in kept.tasks)
        console.print(f"{kept.origin.trial} answers for {tasks} at {at}/predict", soft_wrap=True)
        console.print(f"{at}/docs shows how to ask; Ctrl-C ends it", soft_wrap=True)
        if not _is_loopback(listener):
            note = "note: whoever reaches this address may ask: there is no password and no encryption"
            console.print(note, soft_wrap=True)
        _run(app, listener, console)


@contextmanager
def _listening(host: str, port: int) -> Iterator[socket.socket]:
    """A socket that connections wait at from now on.

    Raises:
        MtlkdError: where there can be none.
    """
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        listener = socket.create_server(address[:2], family=family, backlog=_CONNECTIONS)
    except OSError as error:
        fix = "give another --port (0: any that is free), or an address of this machine as --host"
        why = str(error.strerror).partition(" (")[0]  # Python adds the address
        raise MtlkdError(f"cannot listen there ({why})", where=f"{host}:{port}", fix=fix) from error
    with listener:
        yield listener


def _is_loopback(listener: socket.socket) -> bool:
    return ipaddress.ip_address(listener.getsockname()[0]).is_loopback


def _address(listener: socket.socket) -> str:
    name, port, *_ = listener.getsockname()
    return f"http://{f'[{name}]' if ':' in name else name}:{port}"


def _run(app: "FastAPI", listener: socket.socket, console: Console) -> None:
    """Answer until somebody stops it.

    Raises:
        Exit: with the code that says what stopped it.
    """
    import uvicorn

    settings = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        use_colors=False,
        server_header=False,
        limit_concurrency=_CONNECTIONS,
        timeout_graceful_shutdown=_LAST_ANSWERS_S,
    )
    with stoppable(lambda: console.print("stopped")) as stop:
        uvicorn.Server(settings).run(sockets=[listener])
        stop.tell()
        raise typer.Exit(stop.code)
