"""What stands in an emulated account beside our load balancers, made by plain boto3."""

from __future__ import annotations

from emulators.aws.account import Account


def open_bucket(account: Account) -> str:
    """Make a bucket without a trace in the journal, and return its name."""
    name = f"bundles-{account.account_id}"
    with account.journal.silent():
        account.client("s3").create_bucket(Bucket=name)
    return name


def web_acl(account: Account, name: str) -> str:
    """Make a web ACL, and return its ARN."""
    made = account.client("wafv2").create_web_acl(
        Name=name,
        Scope="REGIONAL",
        DefaultAction={"Allow": {}},
        VisibilityConfig={"SampledRequestsEnabled": False, "CloudWatchMetricsEnabled": False, "MetricName": name},
    )
    return str(made["Summary"]["ARN"])
