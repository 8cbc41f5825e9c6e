"""A far network of its own: addresses behind a veth pair, where packets are dropped, refused, or names not known.

Only root can make one; `why_not()` says what is missing. The near door of the line and its name server are put in the
network namespace (`REKAM_LINE_NAMESPACE`); everything else, loopback included, stays where it is. Rules are written in
that namespace only, so they end with it.
"""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

_TOOLS = ("ip", "iptables", "unshare", "mount")
_SECONDS = 20
_NUMBERS = itertools.count()


@dataclass(frozen=True, slots=True)
class FarNetwork:
    """`address` is reached through the veth alone; `dropped` and `rejected` hit all that comes to it or from it."""

    namespace: str
    address: str
    near_address: str
    folder: Path

    def drop(self) -> None:
        """Have every packet vanish, in both directions: connect() gets no answer, open connections neither."""
        self.heal()
        for chain in ("INPUT", "OUTPUT"):
            self._rule("-A", chain, "-j", "DROP")

    def reject(self) -> None:
        """Have a firewall answer every TCP segment with RST; what is no TCP vanishes."""
        self.heal()
        self._rule("-A", "INPUT", "-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset")
        self._rule("-A", "INPUT", "-j", "DROP")

    def silence_names(self) -> None:
        """Have every question for a name vanish; all else passes."""
        self.heal()
        for protocol in ("udp", "tcp"):
            self._rule("-A", "INPUT", "-p", protocol, "--dport", "53", "-j", "DROP")

    def spare_names(self) -> None:
        """Let names be answered whatever else is dropped or rejected, as by a name server that is near."""
        self._rule("-I", "INPUT", "-p", "udp", "--dport", "53", "-j", "ACCEPT")
        self._rule("-I", "OUTPUT", "-p", "udp", "--sport", "53", "-j", "ACCEPT")

    def heal(self) -> None:
        """Let everything pass."""
        self._rule("-F")

    def inside(self, command: list[str]) -> list[str]:
        """Give the command that runs this one in the far namespace."""
        return ["ip", "netns", "exec", self.namespace, *command]

    def knowing(self, command: list[str], name: str) -> list[str]:
        """Give the command that runs this one where `name` is the far address, by its hosts file."""
        hosts = self.folder / "hosts"
        hosts.write_text(f"{self.address} {name}\n")
        return self._with_etc(command, {"hosts": hosts})

    def resolving(self, command: list[str]) -> list[str]:
        """Give the command that runs this one where every name is asked of the far address's name server, port 53."""
        files = {
            "hosts": "\n",
            "nsswitch.conf": "hosts: dns\n",
            "resolv.conf": f"nameserver {self.address}\noptions timeout:1 attempts:2\n",
        }
        for file, text in files.items():
            (self.folder / f"dns-{file}").write_text(text)
        return self._with_etc(command, {file: self.folder / f"dns-{file}" for file in files})

    def _with_etc(self, command: list[str], files: dict[str, Path]) -> list[str]:
        # A mount namespace of its own: nobody else sees these files, and they end with the process.
        mounts = [f'mount --bind "{path}" "$(readlink -f /etc/{file})"' for file, path in files.items()]
        return [
            shutil.which("unshare") or "unshare",
            "--mount",
            "sh",
            "-c",
            " && ".join([*mounts, 'exec "$@"']),
            "sh",
            *command,
        ]

    def _rule(self, *words: str) -> None:
        _run(*self.inside(["iptables", "-w", *words]))


def why_not() -> str | None:
    """Say why no far network can be made here, or None when one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    missing = [tool for tool in _TOOLS if shutil.which(tool) is None]
    return f"not installed: {', '.join(missing)}" if missing else _probe()


@contextlib.contextmanager
def far_network() -> Iterator[FarNetwork]:
    """Make a far network until the block ends; where none can be made the test is skipped, with the reason."""
    if problem := why_not():
        pytest.skip(f"no far network: {problem}")
    number = os.getpid() % 10_000 * 10 + next(_NUMBERS) % 10
    name = f"rekam-{number}"
    net = f"10.{200 + number % 50}.{number // 50 % 250}"
    with tempfile.TemporaryDirectory() as folder, _namespace(name):
        _link(name, f"rkn{number}", f"rkf{number}", net)
        yield FarNetwork(name, f"{net}.2", f"{net}.1", Path(folder))


@contextlib.contextmanager
def _namespace(name: str) -> Iterator[None]:
    _run("ip", "netns", "add", name)
    try:
        yield
    finally:
        # The veth pair ends with the namespace.
        _run("ip", "netns", "delete", name)


def _link(namespace: str, near: str, far: str, net: str) -> None:
    _run("ip", "link", "add", near, "type", "veth", "peer", "name", far, "netns", namespace)
    _run("ip", "address", "add", f"{net}.1/30", "dev", near)
    _run("ip", "link", "set", near, "up")
    for words in (
        ("address", "add", f"{net}.2/30", "dev", far),
        ("link", "set", far, "up"),
        ("link", "set", "lo", "up"),
    ):
        _run("ip", "-n", namespace, *words)


def _probe() -> str | None:
    name = f"rekam-probe-{os.getpid()}"
    try:
        with _namespace(name):
            _link(name, f"rkpn{os.getpid() % 10_000}", f"rkpf{os.getpid() % 10_000}", "10.199.199")
            for words in (("-p", "tcp", "-j", "REJECT", "--reject-with", "tcp-reset"), ("-j", "DROP")):
                _run("ip", "netns", "exec", name, "iptables", "-w", "-A", "INPUT", *words)
    except (RuntimeError, subprocess.TimeoutExpired) as problem:
        return str(problem)
    return None


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=_SECONDS, check=False)  # noqa: S603  our own
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()}")
