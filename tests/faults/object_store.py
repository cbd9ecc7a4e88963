"""An object store on this machine, which answers as S3 does; it may stop doing so, and forgets nothing then."""

import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from pyarrow.fs import FileSelector, S3FileSystem, copy_files

from tests.cluster.nodes import free_port, wait_for

BUCKET = "runs"
_SERVE = """
import sys
from moto.server import ThreadedMotoServer

while True:  # what is stored lives as long as the process
    server = ThreadedMotoServer("127.0.0.1", port=int(sys.argv[1]), verbose=False)
    server.start()
    sys.stdin.readline()
    server.stop()
    sys.stdin.readline()
"""


@dataclass(frozen=True)
class ObjectStore:
    """A server in a process of its own, with one bucket."""

    process: subprocess.Popen[Any]
    port: int

    @property
    def environment(self):
        """What a process needs to reach it as `s3://`."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "key",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def knock(self):
        """Close its port, or open it again."""
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def names(self, folder):
        """Of the files that are right in a folder."""
        found = self._files().get_file_info(FileSelector(folder, allow_not_found=True))
        return [info.base_name for info in found if info.is_file]

    def fetch(self, folder, to):
        """Copy all that is in a folder."""
        copy_files(folder, str(to), source_filesystem=self._files())

    def create(self):
        """Make the bucket."""
        self._files(allow_bucket_creation=True).create_dir(BUCKET)

    def _files(self, **rights):
        keys = {"access_key": "key", "secret_key": "secret", "region": "us-east-1"}
        return S3FileSystem(
            endpoint_override=f"127.0.0.1:{self.port}", scheme="http", request_timeout=60, **keys, **rights
        )


@contextmanager
def object_store():
    """One that ends with the body."""
    port = free_port()
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(port)], stdin=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        wait_for(port, process)
        store = ObjectStore(process, port)
        store.create()
        yield store
    finally:
        process.kill()
        process.communicate()
