"""An origin of files on this machine."""

from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class Origin:
    """What it serves, and what it was asked for.

    Args:
        folder: Of files that are served besides.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pages = {}
        self.cut = set()
        self.asked = []
        self.address = ""

    def answer(self, path: str) -> bytes | None:
        """A page's content."""
        file = self.folder / path
        return self.pages.get(path) or (file.read_bytes() if file.is_file() else None)


@contextmanager
def serving(folder):
    """An origin that answers while the body runs."""
    origin = Origin(folder)

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.removeprefix("/")
            origin.asked.append(path)
            content = origin.answer(path)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Length", str(len(content or b"")))
            self.end_headers()
            self.wfile.write((content or b"")[: 1 if path in origin.cut else None])

        def log_message(self, *_):
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        origin.address = f"http://127.0.0.1:{server.server_port}"
        yield origin
        server.shutdown()
        thread.join()
