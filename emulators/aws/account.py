"""One emulated AWS account: a WSGI application that every call passes through in the same order.

understand -> journal -> fault before the effect -> throttle -> carry out -> fault after the effect. ELBv2 is answered
here; EC2 and ACM are guarded here and answered by moto; what remains is moto's alone.
"""

from __future__ import annotations

import itertools
import re
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

from werkzeug.wrappers import Request, Response

from emulators.aws import elbv2
from emulators.aws.acm import answer_acm
from emulators.aws.backing import (
    MotoCertificates,
    MotoNetwork,
    MotoObjects,
    ask_moto,
    forget_account,
    release_web_acl,
)
from emulators.aws.clock import Clock
from emulators.aws.control import answer_control
from emulators.aws.errors import AwsError
from emulators.aws.faults import Fault, Faults, ProcessCut, Unanswered
from emulators.aws.journal import Entry, Journal, is_write, printable
from emulators.aws.limits import Limits
from emulators.aws.network import PreparedNetwork, check_ec2_call, note_ec2_call, prepare_network
from emulators.aws.region import Region
from emulators.aws.settings import Settings
from emulators.aws.sqs.service import Sqs
from emulators.aws.state import snapshot
from emulators.aws.tagging import get_resources, remember
from emulators.aws.targets import transitions
from emulators.aws.throttle import Throttle, throttled
from emulators.aws.transport import client_of, close_endpoint, open_endpoint
from emulators.aws.waf import check_waf_call
from emulators.aws.watch import Watch
from emulators.aws.wire import Call, answer, error_answer, read_call

CONTROL = "/_emulator/"
UNLOCKED = frozenset({"sqs"})

_numbers = itertools.count(1)
_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type":\s*"(?:[^"#]*#)?([^"]+)"')


class Account:
    """An emulated account with its clock, quotas, faults, journal and rate limits.

    Attributes:
        account_id: twelve digits, of its own unless given.
        settings: how it behaves.
        clock: its time.
        limits: its ELBv2 quotas.
        faults: what goes wrong.
        journal: what was called.
        throttle: its rate limits.
        watch: the version of its state.
        endpoint_url: reaches it from inside this process, without a socket.
        after_write: called after each effect of a call, so that tests can send traffic between any two calls.
    """

    def __init__(self, settings: Settings, account_id: str | None = None) -> None:
        self.account_id = account_id or f"{100_000_000_000 + next(_numbers)}"
        self.settings = settings
        self.clock = Clock(virtual=settings.virtual_clock)
        self.limits = Limits()
        self.faults = Faults()
        self.journal = Journal()
        self.throttle = Throttle(self.clock, enabled=settings.throttle)
        self.watch = Watch(self.clock, self._transitions)
        self._regions: dict[str, Region] = {}
        self._sqs = Sqs(self.account_id, self.clock)
        self._lock = threading.RLock()
        self._clients: dict[str, Any] = {}
        self.endpoint_url = open_endpoint(self.account_id, self)
        self.after_write: Callable[[Entry], None] = lambda _: None

    def region(self, name: str) -> Region:
        """Return one Region, empty at first."""
        with self._lock:
            if name not in self._regions:
                network, acm = MotoNetwork(self.account_id, name), MotoCertificates(self.account_id, name)
                self._regions[name] = Region(
                    name,
                    self.account_id,
                    self.settings,
                    self.clock,
                    self.limits,
                    network,
                    acm,
                    MotoObjects(self.account_id),
                )
            return self._regions[name]

    def state(self, after: int | None = None, wait: float = 0.0) -> dict[str, Any]:
        """Return how the account looks; with `after`, as soon as the version is higher or `wait` seconds passed."""
        if after is not None:
            self.watch.wait(after, wait)
        with self._lock:
            version = self.watch.version()
            return snapshot(self._regions.values(), version)

    def force_target_state(self, target_id: str, port: int, state: str | None) -> int:
        """Give targets by (id, port) another state than `healthy`, or None; return how many there were."""
        with self._lock:
            found = [
                target
                for region in self._regions.values()
                for group in region.target_groups.values()
                for target in group.targets.values()
                if (target.id, target.port) == (target_id, port)
            ]
            for target in found:
                target.forced_state = state
        self.watch.bump()
        return len(found)

    def client(self, service: str, **options: Any) -> Any:
        """Return a boto3 client that reaches this account inside this process; see `transport.client_of`.

        Without options it is the same one each time: making one costs as much as some calls.
        """
        if options or service not in self._clients:
            made = client_of(self.endpoint_url, self.settings.region, service, **options)
            return made if options else self._clients.setdefault(service, made)
        return self._clients[service]

    def prepare_network(self) -> PreparedNetwork:
        """Make the ready network (`network.py`) without a trace in the journal, or return the one made before."""
        with self.journal.silent():
            return prepare_network(self.client("ec2"), self.settings.region)

    def forget(self) -> None:
        """Drop everything, moto's part included; the account cannot be reached any more."""
        close_endpoint(self.endpoint_url)
        self._regions.clear()
        forget_account(self.account_id)

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a request; `Unanswered` and `ProcessCut` are for whoever carries the connection."""
        request = Request(environ)
        if request.path.startswith(CONTROL):
            return answer_control(self, request)(environ, start_response)
        return self.respond(request)(environ, start_response)

    def respond(self, request: Request) -> Response:
        """Answer an AWS call.

        Raises:
            Unanswered: a fault leaves the call without an answer.
            ProcessCut: a fault ends the caller.
        """
        try:
            call = read_call(request)
        except AwsError as error:
            return error_answer(Call("elbv2", "", "", {}), error)
        entry = self.journal.open(
            Entry(0, self.clock.now(), call.service, call.operation, call.region, printable(call.parameters))
        )
        fault = self.faults.take(call.service, call.operation, call.parameters) if entry.sequence else None
        if fault is not None and fault.effect == "before":
            return self._strike(fault, entry, call)
        response = self._carry_out(call, request, entry)
        return response if fault is None else self._strike(fault, entry, call)

    def _strike(self, fault: Fault, entry: Entry, call: Call) -> Response:
        entry.fault = entry.error = fault.kind
        entry.result = None
        match fault.kind:
            case "throttle":
                error = throttled(call.service)
                entry.error = error.code
                return error_answer(call, error)
            case "denied":
                return error_answer(
                    call, AwsError("AccessDeniedException", f"No right to {call.operation}", status=403)
                )
            case "refused":
                entry.error = fault.code
                return error_answer(call, AwsError(fault.code, f"{call.operation} does not take this"))
            case "500":
                return error_answer(call, AwsError("InternalFailure", "An internal error has occurred", status=500))
            case "503":
                return error_answer(call, AwsError("ServiceUnavailable", "The service is unavailable", status=503))
            case "html500":
                return Response(
                    "<html><body><h1>Internal Server Error</h1></body></html>", 500, content_type="text/html"
                )
            case "cut":
                raise ProcessCut(f"cut {fault.effect} call {entry.sequence}, {entry.name}")
            case "timeout" | "reset":
                raise Unanswered(fault.kind, fault.seconds)

    def _carry_out(self, call: Call, request: Request, entry: Entry) -> Response:
        try:
            if call.service in UNLOCKED:
                response = self._perform(call, request, entry)
            else:
                with self._lock:
                    response = self._perform(call, request, entry)
        except AwsError as error:
            entry.error, entry.message = error.code, error.message
            return error_answer(call, error)
        entry.effect = response.status_code < 400  # noqa: PLR2004 - HTTP's border of success
        if not entry.effect:
            found = _CODE.search(response.get_data())
            entry.error = next(filter(None, found.groups())).decode() if found else str(response.status_code)
        elif is_write(call.operation) and call.service not in UNLOCKED:
            remember(self.region(call.region))
            self.watch.bump()
            self.after_write(entry)
        return response

    def _perform(self, call: Call, request: Request, entry: Entry) -> Response:
        region = self.region(call.region)
        self.throttle.check(call.service, call.region, call.operation)

        def ask(body: bytes) -> Response:
            return ask_moto(request.environ, body, self.account_id)

        match call.service:
            case "elbv2":
                result = elbv2.perform(region, call.operation, call.parameters)
                entry.result = printable(result)
                return answer(call, result)
            case "acm":
                return answer_acm(region, region.acm, call.operation, call.parameters, ask)
            case "resourcegroupstaggingapi" if call.operation == "GetResources":
                return answer(call, get_resources(region, call.parameters))
            case "sqs":
                return answer(call, self._sqs.perform(call.region, call.operation, call.parameters, request.host_url))
            case "wafv2":
                check_waf_call(
                    region,
                    call.operation,
                    call.parameters,
                    lambda arn: release_web_acl(self.account_id, call.region, arn),
                )
            case "ec2":
                check_ec2_call(region, call.operation, call.parameters)
        try:
            response = ask(request.get_data())
        except NotImplementedError as error:
            raise AwsError("InvalidAction", f"The action {call.operation} is not emulated: {error}") from error
        if call.service == "ec2":
            note_ec2_call(region, call.operation, response.get_data())
        return response

    def _transitions(self) -> Iterator[float]:
        with self._lock:
            regions = list(self._regions.values())
            moments = [balancer.active_at for region in regions for balancer in region.load_balancers.values()]
            for region in regions:
                for group in region.target_groups.values():
                    moments += transitions(region, group)
        return iter(moments)
