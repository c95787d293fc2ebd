"""An emulated account, a data plane that follows it and small HTTP servers as targets: what the tests start from."""

from __future__ import annotations

import http.client
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseRequestHandler, StreamRequestHandler, ThreadingTCPServer
from typing import Any

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from emulators.cluster.processes import free_port
from emulators.dataplane import DataPlane

Json = dict[str, Any]

NOT_FOUND: list[Json] = [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": "404"}}]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a client got."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def seen(self) -> Json:
        """What the target saw: its name, path and request headers."""
        return dict(json.loads(self.body))


class _Echo(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        told = {"name": getattr(self.server, "name", ""), "path": self.path, "headers": headers}
        body = json.dumps(told).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET  # noqa: N815 - the name that http.server chose

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that http.server chose
        """Stay silent."""


class _Upgrade(StreamRequestHandler):
    """Agrees to any upgrade, then sends back what it gets."""

    def handle(self) -> None:
        for line in self.rfile:
            if line == b"\r\n":
                break
        self.wfile.write(b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
        while received := self.connection.recv(1024):
            self.wfile.write(received)


class _Server(ThreadingTCPServer):
    daemon_threads = True
    request_queue_size = 128
    name = ""


@dataclass(slots=True)
class World:
    """An account, a data plane that follows it, and targets that really listen."""

    account: Any
    plane: DataPlane
    table: Path
    stack: ExitStack
    calm: threading.Lock
    port: int = field(default_factory=free_port)
    dns_name: str = ""
    balancer_arn: str = ""
    listener_arn: str = ""
    pods: dict[str, str] = field(default_factory=dict)
    servers: dict[str, ThreadingTCPServer] = field(default_factory=dict)

    @property
    def elbv2(self) -> Any:
        """An ELBv2 client."""
        return self.account.client("elbv2")

    def open(self, protocol: str = "HTTP", **options: Any) -> None:
        """Make a load balancer that everybody may reach, and its listener with a 404 as its default action."""
        network = self.account.prepare_network()
        made = self.elbv2.create_load_balancer(Name="web", Subnets=list(network.subnet_ids))["LoadBalancers"][0]
        self.dns_name, self.balancer_arn = made["DNSName"], made["LoadBalancerArn"]
        self.elbv2.set_security_groups(LoadBalancerArn=self.balancer_arn, SecurityGroups=[self.security_group()])
        listener = self.elbv2.create_listener(
            LoadBalancerArn=self.balancer_arn, Protocol=protocol, Port=self.port, DefaultActions=NOT_FOUND, **options
        )
        self.listener_arn = listener["Listeners"][0]["ListenerArn"]

    def security_group(self, name: str = "open", block: str = "0.0.0.0/0") -> str:
        """Make a security group that lets `block` reach every port."""
        ec2, network = self.account.client("ec2"), self.account.prepare_network()
        made = str(ec2.create_security_group(GroupName=name, Description=name, VpcId=network.vpc_id)["GroupId"])
        entry = {"IpProtocol": "tcp", "FromPort": 0, "ToPort": 65535, "IpRanges": [{"CidrIp": block}]}
        ec2.authorize_security_group_ingress(GroupId=made, IpPermissions=[entry])
        return made

    def group(self, name: str, *pods: str, **options: Any) -> str:
        """Make a target group with these Pods registered, for plain HTTP/1.1 unless told otherwise."""
        network = self.account.prepare_network()
        wanted = {"Protocol": "HTTP", "Port": 80, "VpcId": network.vpc_id, "TargetType": "ip"} | options
        made = self.elbv2.create_target_group(Name=name, **wanted)["TargetGroups"][0]
        self.register(made["TargetGroupArn"], *pods)
        return str(made["TargetGroupArn"])

    def register(self, group: str, *pods: str) -> None:
        """Register Pods by address, port 8080."""
        if pods:
            self.elbv2.register_targets(TargetGroupArn=group, Targets=[{"Id": pod, "Port": 8080} for pod in pods])

    def deregister(self, group: str, *pods: str) -> None:
        """Deregister Pods by address, port 8080."""
        self.elbv2.deregister_targets(TargetGroupArn=group, Targets=[{"Id": pod, "Port": 8080} for pod in pods])

    def pod(self, number: int) -> str:
        """Start an HTTP server that stands for a Pod, and return the Pod's address, which exists nowhere."""
        return self._serve(number, _Echo)

    def echo_after_upgrade(self, number: int) -> str:
        """Start a server that agrees to an upgrade and sends back all that follows; return the Pod's address."""
        return self._serve(number, _Upgrade)

    def _serve(self, number: int, handler: type[BaseRequestHandler]) -> str:
        address = f"10.244.0.{number}"
        server = _Server(("127.0.0.1", 0), handler)
        server.name = address
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        self.servers[address] = server
        self.stack.callback(self.stop, address)
        self.pods[f"{address}:8080"] = f"127.0.0.1:{server.server_address[1]}"
        self.write_table()
        return address

    def stop(self, pod: str) -> None:
        """End the process that stands for a Pod; nothing to do when it has ended."""
        if server := self.servers.pop(pod, None):
            server.shutdown()
            server.server_close()

    def write_table(self) -> None:
        """Write the table of addresses."""
        fresh = self.table.with_suffix(".new")
        fresh.write_text(json.dumps(self.pods))
        fresh.rename(self.table)

    def rule(self, actions: list[Json], *conditions: Json, priority: int = 1, **options: Any) -> str:
        """Make a rule; without conditions it is for every path."""
        wanted = list(conditions) or [{"Field": "path-pattern", "PathPatternConfig": {"Values": ["/*"]}}]
        made = self.elbv2.create_rule(
            ListenerArn=self.listener_arn, Priority=priority, Conditions=wanted, Actions=actions, **options
        )
        return str(made["Rules"][0]["RuleArn"])

    @contextmanager
    def at_once(self) -> Iterator[None]:
        """Let the data plane see all that happens in the block as one change, and serve it."""
        with self.calm:
            yield
        self.settle()

    def settle(self) -> None:
        """Wait until Envoy serves the account as it is now."""
        self.plane.wait_for(self.account.state()["version"])

    def listens(self, port: int | None = None) -> bool:
        """Tell whether a port (ours unless given) accepts connections."""
        with socket.socket() as probe:
            return probe.connect_ex(self.plane.address(self.dns_name, port or self.port)) == 0

    def first_line(self, request: bytes) -> bytes:
        """Send these very bytes and return the first line of the answer."""
        with socket.create_connection(self.plane.address(self.dns_name, self.port), timeout=10) as connection:
            connection.sendall(request)
            return connection.makefile("rb").readline()

    def get(self, path: str = "/", *, source: str = "127.0.0.1", method: str = "GET", **headers: str) -> Reply:
        """Ask the load balancer on a new connection; underscores in header names stand for hyphens."""
        address = self.plane.address(self.dns_name, self.port)
        connection = http.client.HTTPConnection(*address, timeout=10, source_address=(source, 0))
        try:
            connection.request(method, path, headers={name.replace("_", "-"): text for name, text in headers.items()})
            answer = connection.getresponse()
            return Reply(answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read())
        finally:
            connection.close()


@contextmanager
def opened_world(folder: Path) -> Iterator[World]:
    """Open a fresh account and a data plane that follows it."""
    table = folder / "addresses.json"
    with strict_aws(Settings()) as account, ExitStack() as stack:
        calm = threading.Lock()

        def state(after: int | None, wait: float) -> Json:
            with calm:
                return account.state(after, min(wait, 0.05))

        plane = stack.enter_context(DataPlane(state, table, folder / "plane"))
        yield World(account, plane, table, stack, calm)


def forward(*groups: str, weights: tuple[int, ...] = ()) -> list[Json]:
    """Return a forward action; weights are 1 unless given."""
    pairs = zip(groups, weights or [1] * len(groups), strict=True)
    return [
        {"Type": "forward", "ForwardConfig": {"TargetGroups": [{"TargetGroupArn": g, "Weight": w} for g, w in pairs]}}
    ]


def fixed(status: int) -> list[Json]:
    """Return an action that answers this status."""
    return [{"Type": "fixed-response", "FixedResponseConfig": {"StatusCode": str(status)}}]


def redirect(**members: str) -> list[Json]:
    """Return a redirect action with status 302."""
    return [{"Type": "redirect", "RedirectConfig": {"StatusCode": "HTTP_302"} | members}]


def when(name: str, config: str, **members: Any) -> Json:
    """Return a condition: its field, the name of its configuration, and what that holds."""
    return {"Field": name, config: members}


def eventually(truth: Callable[[], object], seconds: float = 15.0) -> bool:
    """Tell whether it becomes true in time."""
    deadline = time.monotonic() + seconds
    while not truth() and time.monotonic() < deadline:
        time.sleep(0.05)
    return bool(truth())
