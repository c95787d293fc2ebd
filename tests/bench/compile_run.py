"""1,000 HTTPRoutes x 5 matches, snapshot to rendered resources, in a process of its own; prints JSON figures."""

from __future__ import annotations

import json
import sys
import time

from providers import provider_for
from reconciler.gatewayapi.attachment import attach
from reconciler.gatewayapi.compile import compile_ir
from reconciler.gatewayapi.read import take_snapshot
from reconciler.keys import GatewayKey
from tests.bench.memory import peak_megabytes
from tests.builders import (
    CLUSTER,
    CONTROLLER,
    backend,
    config,
    config_ref,
    exact,
    gateway,
    gateway_class,
    prefix,
    route,
    rule,
    with_service,
)


def main() -> None:
    """Compile and render `argv[1]` Routes; print seconds of CPU, peak memory in MB, numbers of rules and entries."""
    count = int(sys.argv[1])
    objects = [
        _class(),
        config({"aws": {"quotas": {"rulesPerLoadBalancer": 10 * count, "targetGroupsPerLoadBalancer": count}}}),
    ]
    objects.append(gateway())
    for number in range(count):
        name = f"r{number}"
        matches = [exact(f"/{name}/login"), exact(f"/{name}/logout"), exact(f"/{name}/x"), prefix(f"/{name}/api")]
        matches.append(
            {"path": {"type": "PathPrefix", "value": f"/{name}"}, "headers": [{"name": "x-v", "value": "2"}]}
        )
        hosts = [f"{name}.example.com"]
        objects.append(route(name, f"team{number % 20}", [rule(backend(f"s{number % 80}"), matches=matches)], hosts))
    for team in range(20):
        for number in range(80):
            if number % 20 == team:
                objects.extend(with_service(f"s{number}", f"team{team}"))
    provider = provider_for(CONTROLLER)
    before = time.process_time()
    snapshot = take_snapshot(GatewayKey(CLUSTER, "infra", "gw"), CONTROLLER, objects)
    lb = compile_ir(attach(snapshot, provider)).lb
    rendered = provider.render(lb)
    seconds = time.process_time() - before
    figures = {
        "seconds": seconds,
        "megabytes": peak_megabytes(),
        "entries": sum(len(frontend.entries) for frontend in lb.frontends),
        "rules": sum(1 for key in rendered.resources if key.kind == "rule"),
        "rejections": len(rendered.rejections),
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def _class() -> dict[str, object]:
    return gateway_class(parametersRef=config_ref())


if __name__ == "__main__":
    main()
