"""Law 6: a Gateway whose run hangs and one whose run eats its memory cost no other Gateway anything.

Real API server, watcher and queues; the reconcile function in environments that are ended as Lambda ends them.
"""

from __future__ import annotations

import json
from typing import Any

from demo.runner import MAX_RECEIVES
from demo.stage import Setting
from emulators.runtime import Function
from tests.proof.machine import Machine, backend, gateway, route

BAD = ("hangs", "hungry")
FUNCTION = Function("tests.proof.bad_runs.handler", seconds=12.0, megabytes=2048)
_PATIENCE = 180.0


def dead_subjects(machine: Machine) -> set[str]:
    """Return the names of the Gateways whose messages are in the dead-letter queue; takes them out."""
    sqs = machine.aws("sqs")
    url = sqs.get_queue_url(QueueName="routewright-aws-dead.fifo")["QueueUrl"]
    found: set[str] = set()
    while messages := sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", []):
        for message in messages:
            found.add(json.loads(message["Body"])["subject"].rpartition("/")[2])
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
    return found


def _wait_for_the_dead(machine: Machine) -> set[str]:
    """Return who was given up, once all bad ones were; one may be given up twice where a list woke it again."""
    dead: set[str] = set()

    def all_given_up() -> bool:
        dead.update(dead_subjects(machine))
        return dead >= set(BAD)

    machine.wait(lambda: all_given_up() or None, "the bad ones to be given up", _PATIENCE)
    return dead


def prove(size: int = 30) -> dict[str, int]:
    """Put the two bad Gateways first and `size` good ones behind them; return counts. Raises AssertionError."""
    names = [f"good-{number}" for number in range(size)]
    with Machine(Setting(provisioning=0.2, function=FUNCTION)) as machine:
        machine.plane.apply([*backend("web", "10.244.0.1"), *map(gateway, BAD)])
        machine.wait(lambda: machine.runner.environments_ended > 0 or None, "the first bad run", _PATIENCE)
        machine.plane.apply([item for name in names for item in (gateway(name), route(name, [name], ["/"]))])
        for name in names:
            machine.wait(lambda name=name: machine.programmed(name), f"{name} to be Programmed", _PATIENCE)  # type: ignore[misc]
        early = machine.dead_letters()
        dead = _wait_for_the_dead(machine)
        all_ended = len(BAD) * MAX_RECEIVES  # an environment that was slow to start ends later than its invocation
        machine.wait(
            lambda: machine.runner.environments_ended >= all_ended or None, "the last bad run's end", _PATIENCE
        )
        counts: dict[str, Any] = {"ended": machine.runner.environments_ended, "given up before the last good": early}
        assert set(BAD) == dead | dead_subjects(machine)
        assert not any(machine.programmed(name) for name in BAD)
        machine.plane.apply([gateway("after"), route("after", ["after"], ["/"])])
        machine.wait(lambda: machine.programmed("after"), "a Gateway that came after all that", _PATIENCE)
        return {"good": size + 1, "bad": len(BAD), **counts}
