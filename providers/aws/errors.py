"""AWS's errors as ours, in one table. Wire codes as ELBv2, EC2, ACM, STS and the tagging API answer them.

Messages are stable: no request ids, no times; AWS's own text stands in them where it tells the user what to change. Who
may read a Gateway need not know the account: of an ARN a message keeps the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectionClosedError,
    ConnectionError,  # noqa: A004 - botocore's own name
    HTTPClientError,
    NoCredentialsError,
)
from botocore.parsers import ResponseParserError

from reconciler.errors import (
    Conflict,
    InvalidCertificate,
    Misconfigured,
    NotReady,
    PermissionDenied,
    QuotaExceeded,
    ReconcilerError,
    Throttled,
    Unavailable,
)

_SERVER_ERROR = 500
_TABLE: Mapping[type[ReconcilerError], str] = {
    Throttled: "Throttling ThrottlingException RequestLimitExceeded TooManyRequestsException PriorRequestNotComplete "
    "RequestThrottled RequestThrottledException Throttled SlowDown",
    Unavailable: "HealthUnavailable InsufficientCapacity InternalFailure InternalError ServiceUnavailable Unavailable",
    NotReady: "ListenerNotFound TargetGroupNotFound RuleNotFound TrustStoreNotReady TrustStoreInUse ResourceInUse "
    "ResourceInUseException DependencyViolation WAFUnavailableEntityException",
    Conflict: "LoadBalancerNotFound PriorityInUse DuplicateListener DuplicateTargetGroupName "
    "DuplicateLoadBalancerName DuplicateTrustStoreName ResourceNotFoundException InvalidGroup.Duplicate "
    "InvalidGroup.NotFound InvalidGroupId.NotFound",
    QuotaExceeded: "TooManyRules TooManyTargetGroups TooManyUniqueTargetGroupsPerLoadBalancer TooManyListeners "
    "TooManyLoadBalancers TooManyCertificates TooManyTargets TooManyRegistrationsForTargetId TooManyActions "
    "TooManyTags TooManyTrustStores TargetGroupAssociationLimit LimitExceededException "
    "RulesPerSecurityGroupLimitExceeded SecurityGroupLimitExceeded",
    InvalidCertificate: "UnsupportedCertificate CertificateNotFound",
    PermissionDenied: "AccessDenied AccessDeniedException UnauthorizedOperation OperationNotPermitted "
    "InvalidClientTokenId UnrecognizedClientException ExpiredToken ExpiredTokenException AuthFailure",
}
_BY_CODE: Mapping[str, type[ReconcilerError]] = {code: kind for kind, codes in _TABLE.items() for code in codes.split()}
_UNSEEN = (
    "LoadBalancerNotFound",
    "CertificateNotFound",
    "TrustStoreNotFound",
    "UnsupportedCertificate",
    "InvalidSecurityGroup",
    "InvalidConfigurationRequest",
    "InvalidGroup.NotFound",
)
"""What one service answers about a resource that another one, or another of its own parts, has just made."""
_ARN = re.compile(r"arn:[\w-]+:[\w-]*:[\w-]*:\w*:([\w+=,@./:*-]*[\w/*])")
_RANDOM = re.compile(r"[0-9a-f]{16}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
"""What AWS itself puts at the end of an ARN."""
_ACCOUNT = re.compile(r"\b\d{12}\b")
_ENCODED = re.compile(r"Encoded authorization failure message: ?\S+")
"""EC2 adds it to UnauthorizedOperation; it is another one each time."""
_REQUEST_ID = re.compile(r"\(?[Rr]equest ?I[Dd]:? ?[0-9a-fA-F-]{8,}\)?")


def translate(error: ClientError | BotoCoreError | ResponseParserError, call: str) -> ReconcilerError:
    """Return our error for one of AWS's; `call` names the operation, e.g. `elbv2.CreateRule`."""
    if isinstance(error, ClientError):
        return _client_error(error, call)
    if isinstance(error, NoCredentialsError):
        return PermissionDenied(f"{call}: no AWS credentials were found")
    if isinstance(error, (HTTPClientError, ConnectionError, ConnectionClosedError, ResponseParserError)):
        return Unavailable(f"{call}: AWS gave no answer that could be read")
    return Misconfigured(f"{call}: {type(error).__name__}: {_stable(str(error))}")


def code_of(error: ClientError) -> str:
    """Return the wire code of an answer."""
    return str(error.response.get("Error", {}).get("Code", ""))


def is_unseen(error: ReconcilerError, fresh: Iterable[str]) -> bool:
    """Return whether AWS only says that it does not know yet what was just made, given the ids of that."""
    return any(is_about(error, code) for code in _UNSEEN) and any(made in error.detail for made in fresh)


def is_about(error: ReconcilerError, code: str) -> bool:
    """Return whether an answer of AWS had this wire code."""
    return f": {code}: " in error.message


def _client_error(error: ClientError, call: str) -> ReconcilerError:
    answer = error.response
    code, text = code_of(error), _stable(str(answer.get("Error", {}).get("Message", "")))
    kind = _BY_CODE.get(code) or _BY_CODE.get(code.removesuffix("Exception"))
    if kind is None:
        status = answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        kind = Unavailable if status >= _SERVER_ERROR else Misconfigured
    if kind in (Throttled, Unavailable):
        return kind(f"{call}: AWS answered {code}")
    ours = kind(f"{call}: {code}: {without_account(text)}")
    ours.detail = f"{call}: {code}: {text}"
    return ours


def without_account(text: str) -> str:
    """Return a text with ARNs cut to what they name, e.g. `targetgroup/rw-x`, and without numbers of accounts."""
    return _ACCOUNT.sub("...", _ARN.sub(_name_in, text))


def _name_in(arn: re.Match[str]) -> str:
    return "/".join(part for part in arn[1].split("/") if not _RANDOM.fullmatch(part))


def _stable(text: str) -> str:
    return " ".join(_ENCODED.sub("", _REQUEST_ID.sub("", text)).split())
