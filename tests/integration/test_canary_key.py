"""Law 8 on a real API server: a private key goes from its Secret to ACM's import, and is written nowhere else."""

from __future__ import annotations

import base64
import io
import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import pytest

from emulators.aws.account import Account
from emulators.aws.faults import Fault, ProcessCut
from emulators.aws.inprocess import strict_aws
from emulators.cluster.objects import Objects
from functions import log, reconcile, wiring
from functions.queue import SqsQueue
from kube.cluster import KubeCluster
from providers import provider_for
from providers.aws import certificates
from reconciler.events import Seen, to_text
from reconciler.gatewayapi.resources import GROUP
from tests.canary import Canary, canary_of, canary_secret, told, written
from tests.integration.kube_world import CONTROLLER, V1, endpoints, gateway, https, route, service, trigger

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

FAULTS = [
    *(Fault(kind, "ImportCertificate", count=4) for kind in ("throttle", "500", "503", "html500", "timeout", "reset")),
    *(Fault(kind, "ImportCertificate", effect="after") for kind in ("500", "html500", "timeout", "reset", "cut")),
    Fault("cut", "ImportCertificate"),
]
_KINDS = [(V1, "GatewayClass"), (V1, "Gateway"), (V1, "HTTPRoute"), (f"{GROUP}/v1beta1", "ReferenceGrant")]
_KINDS += [("v1", kind) for kind in ("Event", "ConfigMap", "Namespace", "Service")]


@dataclass
class Ears:
    """Everything that a run writes: logs of all libraries at DEBUG, queue messages, exceptions."""

    account: Account
    logs: io.StringIO
    messages: list[dict[str, Any]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)

    def send_message(self, **message: Any) -> None:
        """Take a message in SQS's place."""
        self.messages.append(message)

    def hear(self, admin: Objects) -> list[str]:
        """Return all that was written: by us, by the libraries, into the cluster, and into the account's journal."""
        objects = [item for version, kind in _KINDS for item in admin.list(version, kind)]
        return [
            self.logs.getvalue(),
            json.dumps(self.messages),
            json.dumps(objects),
            written(self.account.journal.entries()),
            *map(told, self.errors),
        ]


@pytest.fixture
def ears(cluster: KubeCluster) -> Iterator[Ears]:
    """A function's container whose log level is DEBUG, on an emulated account without any pause between tries."""
    levels = {name: logging.getLogger(name).level for name in ("", *log.LIBRARIES)}
    with strict_aws() as account, patch("botocore.endpoint.time", SimpleNamespace(sleep=lambda _: None)):
        account.prepare_network()
        found = Ears(account, io.StringIO())
        handler = logging.StreamHandler(found.logs)
        handler.setFormatter(log.JsonLines())
        logging.getLogger().addHandler(handler)
        log.setup("DEBUG")
        queue: Any = SqsQueue(found, "fifo", "later")  # type: ignore[arg-type]
        provider = provider_for(CONTROLLER, rate=1000)
        settings = wiring.Settings(log_level="DEBUG")
        wired = wiring.Container(settings, provider, queue, wiring.Deadline(), {cluster.cluster_id: cluster})
        wiring.keep(wired)
        yield found
        wiring.keep(None)
        logging.getLogger().removeHandler(handler)
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)


def run(ears: Ears, cluster: KubeCluster) -> None:
    """Give the function a message; keep what it raises."""
    one = trigger(cluster)
    body = to_text(type(one)(one.cluster, one.namespace, one.name, seen=(Seen("Gateway", "uid", "1"),)))
    try:
        reconcile.handler({"Records": [{"messageId": "m", "body": body}]}, None)
    except (Exception, ProcessCut) as error:
        logging.getLogger("lambda").exception("the function failed")
        ears.errors.append(error)


def prepare(admin: Objects, item: dict[str, Any]) -> None:
    """Make a Gateway whose HTTPS listener names a Secret."""
    for one in (item, gateway(**https("cert")), route("web", "gw"), service(), endpoints()):
        admin.apply(one)


def imports(ears: Ears) -> int:
    return sum(entry.operation == "ImportCertificate" for entry in ears.account.journal.entries())


def test_a_key_is_recognised_in_every_form(ears: Ears) -> None:
    item, canary = canary_secret("cert")
    pem = base64.b64decode(item["data"]["tls.key"]).decode()

    for text in (pem, repr(pem), json.dumps(item), base64.b64encode(b"." + pem.encode()).decode(), repr(item)):
        assert [] != canary.sings(text)
    assert [] == canary.sings(item["data"]["tls.crt"], ears.logs.getvalue())


def test_a_run_that_succeeds_writes_the_key_nowhere(ears: Ears, admin: Objects, cluster: KubeCluster) -> None:
    item, canary = canary_secret("cert")
    prepare(admin, item)

    for _ in range(3):
        run(ears, cluster)

    assert 1 == imports(ears)
    assert "reconciled" in ears.logs.getvalue()
    assert [] == canary.sings(*ears.hear(admin))


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: f"{fault.kind} {fault.effect}")
def test_an_import_that_fails_writes_the_key_nowhere(
    ears: Ears, admin: Objects, cluster: KubeCluster, fault: Fault
) -> None:
    item, canary = canary_secret("cert")
    prepare(admin, item)
    ears.account.faults.add(fault)

    for _ in range(2):
        run(ears, cluster)

    assert imports(ears) > 0
    assert [] == canary.sings(*ears.hear(admin))


@pytest.mark.parametrize("trouble", ["another key", "garbage", "no base64", "two keys in one"])
def test_a_secret_that_cannot_be_used_is_told_without_its_content(
    ears: Ears, admin: Objects, cluster: KubeCluster, trouble: str
) -> None:
    item, canary = canary_secret("cert")
    other, theirs = canary_secret("other")
    item["data"]["tls.key"], extra = _spoilt(item, other, trouble)
    prepare(admin, item)

    run(ears, cluster)

    assert 0 == imports(ears) or trouble == "two keys in one"
    heard = ears.hear(admin)
    assert [] == canary.sings(*heard) + theirs.sings(*heard) + extra.sings(*heard)


def _spoilt(item: dict[str, Any], other: dict[str, Any], trouble: str) -> tuple[str, Canary]:
    """Return a bad `tls.key` and what else in it must not be told."""
    garbage = "hunter2-" * 20
    key = base64.b64decode(item["data"]["tls.key"])
    keys: dict[str, str] = {
        "another key": other["data"]["tls.key"],
        "garbage": base64.b64encode(garbage.encode()).decode(),
        "no base64": base64.b64encode(b"-----BEGIN PRIVATE KEY-----\n" + garbage.encode()).decode(),
        "two keys in one": base64.b64encode(key + base64.b64decode(other["data"]["tls.key"])).decode(),
    }
    return keys[trouble], canary_of(garbage)


def test_a_secret_that_changes_between_plan_and_import_is_told_without_its_content(
    ears: Ears, admin: Objects, cluster: KubeCluster
) -> None:
    item, canary = canary_secret("cert")
    fresh, theirs = canary_secret("cert")
    prepare(admin, item)
    read = cluster.read_secret

    def change_then_read(*arguments: Any) -> Any:
        admin.apply(fresh)
        return read(*arguments)

    with patch.object(KubeCluster, "read_secret", lambda _, *arguments: change_then_read(*arguments)):
        run(ears, cluster)

    assert 0 == imports(ears)
    heard = ears.hear(admin)
    assert "another certificate than was planned" in heard[0]
    assert [] == canary.sings(*heard) + theirs.sings(*heard)


def test_a_bug_behind_the_import_leaves_a_traceback_without_the_key(
    ears: Ears, admin: Objects, cluster: KubeCluster
) -> None:
    item, canary = canary_secret("cert")
    prepare(admin, item)

    def broken(*arguments: Any) -> str:
        raise RuntimeError(f"{arguments[2:]!r}") from KeyError(arguments[2:])

    with patch.object(certificates, "import_anew", broken):
        run(ears, cluster)

    assert [RuntimeError] == [type(error) for error in ears.errors]
    assert "KeyPair" in told(ears.errors[0])
    assert [] == canary.sings(*ears.hear(admin))
