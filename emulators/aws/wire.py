"""AWS's protocols as far as the emulator speaks them itself: requests in, answers and errors out.

A request is understood with botocore's service model (query, ec2 and json protocols). Answers are written in XML
(query) or JSON from botocore's output shapes; errors in the document that the protocol prescribes.
"""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, OperationModel, ServiceModel, Shape, StructureShape
from moto.core.parse import EC2QueryParser, QueryParser
from moto.core.utils import get_service_model
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Request, Response

from emulators.aws.errors import AwsError, invalid

SERVICES = {
    "elasticloadbalancing": "elbv2",
    "ec2": "ec2",
    "acm": "acm",
    "tagging": "resourcegroupstaggingapi",
    "sqs": "sqs",
    "sts": "sts",
    "ssm": "ssm",
    "iam": "iam",
    "lambda": "lambda",
    "s3": "s3",
}
DEFAULT_REGION = "us-east-1"

_SCOPE = re.compile(r"Credential=[^/]+/\d+/([^/]+)/([^/]+)/aws4_request")


@dataclass(frozen=True, slots=True)
class Call:
    """One request, understood.

    Attributes:
        service: botocore's service name, `unknown` if the request names none.
        operation: the operation's name; method and path where the protocol has no name.
        region: the Region it was signed for.
        parameters: the input in botocore's shape.
    """

    service: str
    operation: str
    region: str
    parameters: dict[str, Any]


def read_call(request: Request) -> Call:
    """Understand a request.

    Raises:
        AwsError: ValidationError for parameters of the wrong type.
    """
    scope = _SCOPE.search(request.headers.get("Authorization", ""))
    region, signed = scope.groups() if scope else (DEFAULT_REGION, "unknown")
    service = SERVICES.get(signed, signed)
    if service == "s3":
        return Call(service, _s3_operation(request), region, {"Path": request.path, **request.args.to_dict()})
    body = request.get_data()
    if target := request.headers.get("X-Amz-Target"):
        return Call(service, target.split(".")[-1], region, json.loads(body or b"{}"))
    form = dict(parse_qsl(body.decode("utf-8", "replace") or request.query_string.decode(), keep_blank_values=True))
    if service == "elbv2" and form.get("Version") == "2012-06-01":
        service = "elb"
    if "Action" not in form:
        return Call(service, f"{request.method} {request.path}", region, {})
    if service == "unknown":
        service = "sts"
    return Call(service, form["Action"], region, _parameters(service, form))


def _s3_operation(request: Request) -> str:
    """Return the operation of a request to S3, which names none; method and path for what is rarely asked."""
    bucket, _, key = request.path.strip("/").partition("/")
    names = {
        "GET": "GetObject" if key else "ListObjectsV2" if "list-type" in request.args else "",
        "PUT": "PutObject" if key else "CreateBucket",
        "DELETE": "DeleteObject" if key else "DeleteBucket",
        "HEAD": "HeadObject" if key else "HeadBucket",
    }
    return (names.get(request.method, "") if bucket else "") or f"{request.method} {request.path}"


def answer(call: Call, result: dict[str, Any]) -> Response:
    """Write the answer of a call that succeeded."""
    model = operation_model(call.service, call.operation)
    if model.service_model.resolved_protocol == "json":
        return Response(json.dumps(result, default=str), 200, content_type="application/x-amz-json-1.1")
    name = escape(call.operation)
    namespace = model.service_model.metadata["xmlNamespace"]
    members = _xml(model.output_shape, result) if model.output_shape else ""
    body = (
        f'<{name}Response xmlns="{namespace}"><{name}Result>{members}</{name}Result>'
        f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata></{name}Response>"
    )
    return Response(body, 200, content_type="text/xml")


def error_answer(call: Call, error: AwsError) -> Response:
    """Write the answer of a call that was refused."""
    protocol = _protocol(call.service)
    if protocol == "json":
        name, headers = _json_error(call.service, error)
        body = json.dumps({"__type": name, "message": error.message})
        return Response(body, error.status, headers, content_type="application/x-amz-json-1.1")
    code, message, request_id = escape(error.code), escape(error.message), uuid.uuid4()
    if call.service == "s3":
        body = f"<Error><Code>{code}</Code><Message>{message}</Message><RequestId>{request_id}</RequestId></Error>"
        return Response(body, error.status, content_type="application/xml")
    if protocol == "ec2":
        inner = f"<Errors><Error><Code>{code}</Code><Message>{message}</Message></Error></Errors>"
        return Response(
            f"<Response>{inner}<RequestID>{request_id}</RequestID></Response>", error.status, content_type="text/xml"
        )
    fault = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's border between the two
    inner = f"<Error><Type>{fault}</Type><Code>{code}</Code><Message>{message}</Message></Error>"
    body = f"<ErrorResponse>{inner}<RequestId>{request_id}</RequestId></ErrorResponse>"
    return Response(body, error.status, content_type="text/xml")


def operation_model(service: str, operation: str) -> OperationModel:
    """Return botocore's model of an operation.

    Raises:
        AwsError: InvalidAction if the service has no such operation.
    """
    model = _service_model(service)
    if model is None or operation not in model.operation_names:
        raise AwsError("InvalidAction", f"The action {operation} is not valid for this web service")
    return model.operation_model(operation)


@cache
def _service_model(service: str) -> ServiceModel | None:
    try:
        model: ServiceModel = get_service_model(service)
    except Exception:  # noqa: BLE001 - botocore raises several kinds for a service it does not know
        return None
    return model


def _json_error(service: str, error: AwsError) -> tuple[str, dict[str, str]]:
    """Return the shape's name and the headers; services that once spoke query tell the old code in a header."""
    model = _service_model(service)
    if model is None or "awsQueryCompatible" not in model.metadata:
        return error.code, {"x-amzn-errortype": error.code}
    shapes: list[StructureShape] = [one for one in model.error_shapes if isinstance(one, StructureShape)]
    name = next((shape.name for shape in shapes if shape.error_code == error.code), error.code)
    fault = "Sender" if error.status < 500 else "Receiver"  # noqa: PLR2004 - HTTP's border between the two
    return name, {"x-amzn-errortype": name, "x-amzn-query-error": f"{error.code};{fault}"}


def _protocol(service: str) -> str:
    model = _service_model(service)
    return "query" if model is None else str(model.resolved_protocol)


def _parameters(service: str, form: dict[str, str]) -> dict[str, Any]:
    model = _service_model(service)
    if model is None or form["Action"] not in model.operation_names:
        return {}
    parser = EC2QueryParser if model.metadata["protocol"] == "ec2" else QueryParser
    try:
        operation: Any = model.operation_model(form["Action"])
        wanted: Any = {"values": MultiDict(form)}
        parsed: dict[str, Any] = parser(operation).parse(wanted)
    except ValueError as error:
        raise invalid(f"A parameter of {form['Action']} has the wrong type: {error}") from error
    return parsed


def _xml(shape: Shape, value: Any) -> str:
    if isinstance(shape, StructureShape):
        return "".join(
            _element(member.serialization.get("name", name), _xml(member, value[name]))
            for name, member in shape.members.items()
            if value.get(name) is not None
        )
    if isinstance(shape, ListShape):
        return "".join(_element("member", _xml(shape.member, item)) for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return escape(str(value))


def _element(name: str, inner: str) -> str:
    return f"<{name}>{inner}</{name}>"
