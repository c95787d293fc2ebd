"""AWS's errors as ours: what a condition may tell to whoever reads a Gateway."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError

from providers.aws.errors import is_unseen, translate
from reconciler.errors import ReconcilerError

GROUP = "arn:aws:elasticloadbalancing:us-east-1:111122223333:targetgroup/rw-web/0123456789abcdef"
CERTIFICATE = "arn:aws-cn:acm:cn-north-1:111122223333:certificate/12345678-1234-1234-1234-123456789012"


def answered(code: str, text: str) -> ReconcilerError:
    """Return our error for an answer of AWS."""
    return translate(ClientError({"Error": {"Code": code, "Message": text}}, "Any"), "elbv2.Any")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"The target group '{GROUP}' is in use.", "The target group 'targetgroup/rw-web' is in use."),
        (f"Certificate {CERTIFICATE}, not found", "Certificate certificate, not found"),
        (f"It is {GROUP}.", "It is targetgroup/rw-web."),
        ("User: arn:aws:iam::111122223333:role/ops may not", "User: role/ops may not"),
        ("Account 111122223333 has no limit left", "Account ... has no limit left"),
        ("You may not. Encoded authorization failure message: bL0aT_x-9", "You may not."),
        ("subnet-0123456789abcdef0 does not exist", "subnet-0123456789abcdef0 does not exist"),
    ],
)
def test_a_message_names_no_account_and_is_the_same_each_time(text: str, told: str) -> None:
    assert f"elbv2.Any: ValidationError: {told}" == answered("ValidationError", text).message


def test_what_aws_said_is_kept_for_logs_and_to_recognise_what_was_just_made() -> None:
    error = answered("UnsupportedCertificate", f"Certificate {CERTIFICATE} is unknown")

    assert CERTIFICATE in error.detail
    assert is_unseen(error, [CERTIFICATE])
    assert not is_unseen(error, [GROUP])
