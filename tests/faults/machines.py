"""Several machines on one: network namespaces on a bridge, each with an address and a temporary folder of its own."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.cluster.nodes import joined, keys, started, wait_for

PORT = 6379
_PREFIX = "mtf"


def missing():
    """Why there can be none; None where there can."""
    ip = shutil.which("ip")
    if ip is None or os.geteuid() != 0:
        return "network namespaces want root and iproute2"
    done = subprocess.run([ip, "netns", "add", f"{_PREFIX}-try"], check=False, capture_output=True, text=True)
    if done.returncode != 0:
        return f"no network namespaces here: {done.stderr.strip()}"
    _ip("netns", "del", f"{_PREFIX}-try")
    return None


def _ip(*words):
    subprocess.run([shutil.which("ip"), *map(str, words)], check=True, capture_output=True)


@dataclass(frozen=True)
class Machines:
    """A network, and the Ray nodes on it.

    Attributes:
        net: Its addresses are ``10.NET.0.NUMBER``.
        folder: Ray's temporary one on the first machine.
        environment: Of nodes, the cluster's token with it.
    """

    net: int
    folder: Path
    environment: dict[str, str]

    @property
    def address(self):
        """Of the cluster."""
        return f"{self.host(1)}:{PORT}"

    def host(self, number):
        """A machine's address."""
        return f"10.{self.net}.0.{number}"

    def inside(self, number, *, own=()):
        """What a command line begins with on a machine, where the folders ``own`` are its own."""
        mounts = "".join(f"mount -t tmpfs tmpfs {folder} && " for folder in own)
        return [shutil.which("ip"), "netns", "exec", self._name(number), "sh", "-c", f'{mounts}exec "$@"', "sh"]

    def add(self, number):
        """One more machine."""
        name, inner = self._name(number), f"{self._name(number)}i"
        _ip("netns", "add", name)
        _ip("link", "add", name, "type", "veth", "peer", "name", inner)
        _ip("link", "set", inner, "netns", name)
        _ip("link", "set", name, "master", self._bridge, "up")
        for words in (
            ("addr", "add", f"{self.host(number)}/24", "dev", inner),
            ("link", "set", inner, "up"),
            ("link", "set", "lo", "up"),
            ("route", "add", "default", "via", self.host(254)),
        ):
            _ip("-n", name, *words)

    def cut(self, number, *, off):
        """Cut a machine off the others, or let it be reached again."""
        _ip("link", "set", self._name(number), "down" if off else "up")

    @contextmanager
    def head(self, *, cpus=0) -> Iterator[subprocess.Popen]:
        """The first machine's node."""
        words = ("--head", f"--port={PORT}", f"--temp-dir={self.folder}", "--include-dashboard=false")
        with started(*words, *self._own(1, cpus), environment=self.environment, before=self.inside(1)) as node:
            wait_for(PORT, node, host=self.host(1))
            yield node

    @contextmanager
    def node(self, number, *, cpus=1, own=()) -> Iterator[subprocess.Popen]:
        """Another machine's, which has joined."""
        before = self.inside(number, own=own)
        words = self._own(number, cpus)
        with joined(*words, address=self.address, environment=self.environment, before=before) as node:
            yield node

    def _own(self, number, cpus):
        return f"--node-ip-address={self.host(number)}", f"--num-cpus={cpus}"

    def _name(self, number):
        return f"{_PREFIX}{self.net}-{number}"

    @property
    def _bridge(self):
        return f"{_PREFIX}{self.net}"

    def _remove(self, numbers):
        for number in numbers:
            _ip("netns", "del", self._name(number))
        _ip("link", "del", self._bridge)


@contextmanager
def machines(count, *, folder, environment):
    """Machines number 1 to ``count``, whose cluster has a token."""
    (folder / "ray").mkdir()
    net = 100 + os.getpid() % 100
    found = Machines(net, folder / "ray", {**os.environ, **environment, **keys(folder)})
    _ip("link", "add", found._bridge, "type", "bridge")
    try:
        _ip("addr", "add", f"{found.host(254)}/24", "dev", found._bridge)
        _ip("link", "set", found._bridge, "up")
        for number in range(1, count + 1):
            found.add(number)
        yield found
    finally:
        found._remove(range(1, count + 1))
