"""The admin port as people reach it in Docker: by the name of a service, as Prometheus and health
checks do, and through a published port. Other names are not answered."""

import http.client
import os

import pytest
from stack import EXAMPLE, HERE, engine_missing
from test_small import run

missing = engine_missing()
pytestmark = pytest.mark.skipif(bool(missing), reason=missing)

FILES = ("-f", str(EXAMPLE / "compose.yaml"), "-f", str(HERE / "admin.yaml"))
COMPOSE = ("docker", "compose", "-p", f"quartet-test-admin-{os.getpid()}", *FILES)
NODES = ("queue-1", "queue-2", "queue-3")


def compose(*words):
    return run(*COMPOSE, *words, IMPL="c")


@pytest.fixture(scope="module")
def nodes():
    try:
        # Healthy: quartet status --check, inside each container.
        compose("up", "--build", "--detach", "--wait", *NODES)
        yield
    finally:
        compose("down", "--volumes", "--timeout", "1")


def inside(*words):
    return compose("exec", "-T", "queue-1", *words)


def asked_inside(service, path, host):
    """The first line of the answer, over the network of the services."""
    request = f"GET {path} HTTP/1.1\\r\\nHost: {host}\\r\\nConnection: close\\r\\n\\r\\n"
    script = f"exec 3<>/dev/tcp/{service}/9000 && printf '{request}' >&3 && head -1 <&3"
    return inside("bash", "-c", script).strip()


@pytest.mark.parametrize("service", NODES)
def test_a_node_is_asked_by_the_name_of_its_service(nodes, service):
    for path in ("/health", "/readyz", "/livez", "/metrics"):
        assert asked_inside(service, path, f"{service}:9000") == "HTTP/1.1 200 OK"
    assert "role: " in inside("quartet", "status", "--admin", f"{service}:9000")
    assert "leader" in inside("quartet", "members", "list", "--admin", f"{service}:9000")


def test_a_node_is_asked_through_a_published_port(nodes):
    address = compose("port", "queue-2", "9000").strip()
    port = int(address.rpartition(":")[2])
    for host, status in [
        (address, 200),
        (f"localhost:{port}", 200),
        ("evil.example", 421),
        (f"evil.example:{port}", 421),
    ]:
        browser = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        browser.request("GET", "/status", headers={"Host": host})
        assert browser.getresponse().status == status, host
        browser.close()


def test_a_node_is_not_asked_by_a_name_that_is_not_its_own(nodes):
    refused = "HTTP/1.1 421 Misdirected Request"
    assert asked_inside("queue-1", "/health", "evil.example") == refused
