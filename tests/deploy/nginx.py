"""A real nginx with our configuration, on free ports and in a folder of its own."""

import datetime
import os
import re
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.deploy.composed import CHECKOUT
from tests.ports import free_port

SOURCE = CHECKOUT / "deploy" / "nginx"
START_SECONDS = 60.0


def nginx_command() -> str:
    """Give the path of nginx; it lives in /usr/sbin, which is not on everybody's path."""
    found = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin")
    if found is None:
        raise AssertionError(
            "nginx is not installed. `make test` installs it (deploy/install-test-packages.sh)."
        )
    return found


@dataclass(frozen=True)
class Proxy:
    """Where a started nginx answers, and the folder of its files."""

    http_port: int
    https_port: int
    folder: Path

    @property
    def access_log(self) -> str:
        return (self.folder / "access.log").read_text()

    def logged(self, correlation_id: str) -> str:
        """Give the line of a request; nginx writes it after the answer has gone."""
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            for line in self.access_log.splitlines():
                if f'"{correlation_id}"' in line:
                    return line
            time.sleep(0.02)
        raise AssertionError(f"nginx did not log {correlation_id}: {self.access_log}")


def write_configuration(folder: Path, *, server: str, upstream_ports: tuple[int, int]) -> Proxy:
    """Put our files into a folder, changed only in paths, ports and the names of the upstream."""
    proxy = Proxy(http_port=free_port(), https_port=free_port(), folder=folder)
    (folder / "run").mkdir()
    (folder / "static").mkdir()
    _write_certificate(folder / "certificates")
    changes = {
        "/etc/nginx/nextflow/": f"{folder}/",
        "/etc/nginx/certificates/": f"{folder}/certificates/",
        "/usr/share/nextflow/static/": f"{folder}/static/",
        "/tmp/": f"{folder}/run/",  # noqa: S108  what stands in the file
        "/dev/stdout": f"{folder}/access.log",
        "stderr crit": f"{folder}/error.log crit",
        "web-1:8000": f"127.0.0.1:{upstream_ports[0]}",
        "web-2:8000": f"127.0.0.1:{upstream_ports[1]}",
        "listen 8080": f"listen 127.0.0.1:{proxy.http_port}",
        "listen 8443": f"listen 127.0.0.1:{proxy.https_port}",
    }
    pattern = re.compile("|".join(re.escape(before) for before in changes))
    for source, target in (
        ("nginx.conf", "nginx.conf"),
        ("locations.conf", "locations.conf"),
        (f"servers/{server}.conf", "server.conf"),
    ):
        # In one pass: a folder of pytest may itself lie under what is replaced.
        text = pattern.sub(lambda match: changes[match[0]], (SOURCE / source).read_text())
        (folder / target).write_text(text)
    return proxy


def nginx_arguments(folder: Path) -> list[str]:
    """Give the command; a worker of root's nginx has to read root's temporary folder."""
    extra = "daemon off; worker_processes 1;" + (" user root;" if os.geteuid() == 0 else "")
    # The file names a number of its own, which may not be said twice.
    text = (folder / "nginx.conf").read_text().replace("worker_processes auto;", "")
    (folder / "nginx.conf").write_text(text)
    return [nginx_command(), "-p", str(folder), "-c", str(folder / "nginx.conf"), "-g", extra]


def checked(folder: Path) -> "subprocess.CompletedProcess[str]":
    """Run `nginx -t` on a written configuration."""
    return subprocess.run(
        [*nginx_arguments(folder), "-t"], capture_output=True, text=True, check=False, timeout=30
    )


@contextmanager
def running(proxy: Proxy) -> Iterator[Proxy]:
    """Run nginx while the block runs."""
    process = subprocess.Popen(
        nginx_arguments(proxy.folder), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    try:
        _await(process, proxy.http_port)
        yield proxy
    finally:
        process.terminate()
        process.communicate(timeout=15)


def _await(process: "subprocess.Popen[bytes]", port: int) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if process.poll() is not None:
            break
        time.sleep(0.02)
    process.kill()
    raise AssertionError(f"nginx did not start: {process.communicate()[1].decode()}")


def _write_certificate(folder: Path) -> None:
    """Sign a certificate for localhost ourselves."""
    folder.mkdir()
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(tz=datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "fullchain.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "privkey.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
