"""Writes of single changes beside HTTP: a Route of streams, a renewed certificate. Each in a fresh process."""

from __future__ import annotations

from collections.abc import Iterator

from reconciler.events import Seen
from tests.aws_world import secret
from tests.bench.reconciles import Plain, cloud
from tests.bench.rows import Row, Say
from tests.builders import backend, gateway, gateway_class, listener, parent, route, route_of, rule, with_service

STREAMS = 20
"""Routes of streams that are there before another one comes."""


def measure_changes(say: Say) -> Iterator[Row]:
    """Measure a Route of each L4 kind added to others, and a renewed certificate."""
    with cloud() as aws:
        say(f"creating {STREAMS} streams")
        there = aws.run(streams(STREAMS)).objects
        for kind, more in (("TCP", {}), ("UDP", {}), ("TLS", {"tls": {"mode": "Passthrough"}})):
            say(f"adding a {kind}Route")
            added = aws.run(with_stream(there, kind, **more), seen=(Seen(f"{kind}Route", "uid-a-top", "9"),))
            yield Row(f"a {kind}Route added to {STREAMS} streams, its listener too: cloud writes", added.writes, 4)
            there = added.objects
    with cloud() as aws:
        say("importing a certificate")
        there = aws.run([*secured(), secret("tls")]).objects
        say("renewing it")
        kept = [one for one in there if one["kind"] != "Secret"]
        renewed = aws.run([*kept, secret("tls")], seen=(Seen("Secret", "uid-infra-tls", "9"),))
        yield Row("a certificate renewed: cloud writes", renewed.writes, 2)
        imported = renewed.operations.get("acm.ImportCertificate", 0)
        yield Row("a certificate renewed: imports missing (none would prove nothing)", 1 - imported, 0)
        yield Row("a certificate renewed: certificates beside the one there was", aws.certificates() - 1, 0)


def streams(count: int) -> list[Plain]:
    """Return a Gateway with as many TCPRoutes, each on a port of its own."""
    listeners = [listener(f"l{n}", 9000 + n, "TCP") for n in range(count)]
    objects = [gateway_class(), gateway(listeners=listeners)]
    for n in range(count):
        objects += with_service(f"s{n}", "a", [f"10.244.1.{n}"])
        objects.append(_stream("TCP", f"r{n}", f"s{n}", 9000 + n))
    return objects


def with_stream(objects: list[Plain], kind: str, **tls: Plain) -> list[Plain]:
    """Return the objects with another listener, a Route on it, and its Service."""
    port, name = {"TCP": 9500, "UDP": 9501, "TLS": 9502}[kind], f"top-{kind.lower()}"
    (shared,) = [one for one in objects if one["kind"] == "Gateway"]
    shared["spec"]["listeners"].append(listener(name, port, kind, **tls))
    shared["metadata"]["generation"] += 1
    service, pods = with_service(name, "a", [f"10.244.2.{port - 9499}"])
    if kind == "UDP":
        service["spec"]["ports"][0]["protocol"] = pods["ports"][0]["protocol"] = "UDP"
    return [*objects, service, pods, _stream(kind, name, name, port)]


def _stream(kind: str, name: str, service: str, port: int) -> Plain:
    hostnames = {"hostnames": ["top.example.com"]} if kind == "TLS" else {}
    spec = {"rules": [rule(backend(service))], "parentRefs": [parent(port=port)], **hostnames}
    return route_of(f"{kind}Route", name, "a", spec)


def secured() -> list[Plain]:
    """Return a Gateway with an HTTPS listener and a Route."""
    tls = {"mode": "Terminate", "certificateRefs": [{"name": "tls"}]}
    return [gateway_class(), gateway(listeners=[listener("https", 443, "HTTPS", tls=tls)]), route(), *with_service()]
