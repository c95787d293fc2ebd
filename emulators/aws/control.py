"""The HTTP doors under `/_emulator/`: journal, faults, clock, quotas, rates, network, target health, state.

GET    /_emulator/journal?since=N        calls with a sequence number above N
POST   /_emulator/journal/reset
GET    /_emulator/counts                 calls by operation, reads, writes
POST   /_emulator/faults                 JSON list of faults (the attributes of faults.Fault)
DELETE /_emulator/faults
POST   /_emulator/clock                  {"advance": seconds}; answers {"now": seconds since the epoch}
POST   /_emulator/quotas                 {"rules-per-application-load-balancer": 200, ...}
POST   /_emulator/throttle               {"mutate": [tokens, tokens a second], ...}: from now on, with full buckets
POST   /_emulator/network                makes (or finds) the ready network; answers its ids
POST   /_emulator/targets                {"id": "10.244.0.7", "port": 8080, "state": "unhealthy"}; null is healthy again
GET    /_emulator/state[?after=V&wait=S] the account (state.py); with `after` a long poll
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from werkzeug.wrappers import Request, Response

from emulators.aws.faults import read_faults

if TYPE_CHECKING:
    from emulators.aws.account import Account

Answer = Callable[["Account", Request], Any]


def answer_control(account: Account, request: Request) -> Response:
    """Answer a control request: JSON, 404 for an unknown door, 400 with the reason for wrong input."""
    door = DOORS.get((request.method, request.path.removeprefix("/_emulator/")))
    if door is None:
        known = ", ".join(f"{method} {path}" for method, path in DOORS)
        return _json({"error": f"{request.method} {request.path} is no door of the emulator; there are {known}"}, 404)
    try:
        return _json(door(account, request))
    except (KeyError, TypeError, ValueError) as error:
        return _json({"error": str(error)}, 400)


def _json(value: Any, status: int = 200) -> Response:
    return Response(json.dumps(value), status, content_type="application/json")


def _journal(account: Account, request: Request) -> Any:
    return [
        asdict(entry) | {"write": entry.write} for entry in account.journal.entries(int(request.args.get("since", 0)))
    ]


def _reset_journal(account: Account, request: Request) -> Any:  # noqa: ARG001 - one signature for all doors
    account.journal.reset()
    return {}


def _counts(account: Account, request: Request) -> Any:  # noqa: ARG001 - one signature for all doors
    return asdict(account.journal.counts())


def _add_faults(account: Account, request: Request) -> Any:
    faults = read_faults(json.loads(request.get_data()))
    account.faults.add(*faults)
    return {"planned": len(faults)}


def _clear_faults(account: Account, request: Request) -> Any:  # noqa: ARG001 - one signature for all doors
    account.faults.clear()
    return {}


def _clock(account: Account, request: Request) -> Any:
    return {"now": account.clock.advance(float(json.loads(request.get_data())["advance"]))}


def _quotas(account: Account, request: Request) -> Any:
    for name, value in json.loads(request.get_data()).items():
        account.limits.set(name, value)
    return {}


def _throttle(account: Account, request: Request) -> Any:
    for kind, (size, rate) in json.loads(request.get_data()).items():
        account.throttle.resize(kind, float(size), float(rate))
    return {}


def _network(account: Account, request: Request) -> Any:  # noqa: ARG001 - one signature for all doors
    return account.prepare_network().as_json()


def _targets(account: Account, request: Request) -> Any:
    wanted = json.loads(request.get_data())
    return {"targets": account.force_target_state(wanted["id"], int(wanted["port"]), wanted.get("state"))}


def _state(account: Account, request: Request) -> Any:
    after = request.args.get("after")
    return account.state(None if after is None else int(after), float(request.args.get("wait", 0)))


DOORS: Mapping[tuple[str, str], Answer] = {
    ("GET", "journal"): _journal,
    ("POST", "journal/reset"): _reset_journal,
    ("GET", "counts"): _counts,
    ("POST", "faults"): _add_faults,
    ("DELETE", "faults"): _clear_faults,
    ("POST", "clock"): _clock,
    ("POST", "quotas"): _quotas,
    ("POST", "throttle"): _throttle,
    ("POST", "network"): _network,
    ("POST", "targets"): _targets,
    ("GET", "state"): _state,
}
