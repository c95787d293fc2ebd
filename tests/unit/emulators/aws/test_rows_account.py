"""Tags, certificates, quotas and policies of an account, row by row of the table in `emulators/aws/README.md`."""

from __future__ import annotations

from typing import Any

import pytest

from emulators.aws.inprocess import strict_aws
from emulators.aws.settings import Settings
from tests.unit.emulators.aws.conftest import EC_KEY, NOT_FOUND, World, certificate_pem, forward, refused


def tags(world: World, arn: str) -> dict[str, str]:
    (found,) = world.elbv2.describe_tags(ResourceArns=[arn])["TagDescriptions"]
    return {one["Key"]: one["Value"] for one in found["Tags"]}


def listed(**given: str) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in given.items()]


def test_row_26_tags_of_at_most_20_resources_are_described_and_all_exist(world: World, balancer: str) -> None:
    groups = [world.group(f"g{number}") for number in range(21)]
    assert 20 == len(world.elbv2.describe_tags(ResourceArns=groups[:20])["TagDescriptions"])

    with refused("ValidationError", "Up to '20'"):
        world.elbv2.describe_tags(ResourceArns=groups)
    world.elbv2.delete_target_group(TargetGroupArn=groups[0])
    with refused("TargetGroupNotFound"):
        world.elbv2.describe_tags(ResourceArns=[balancer, groups[0]])
    with refused("ValidationError"):
        world.elbv2.describe_tags(ResourceArns=["arn:aws:s3:::bucket"])


def test_row_27_a_resource_has_at_most_50_tags(world: World) -> None:
    group = world.group()
    for number in range(50):
        world.elbv2.add_tags(ResourceArns=[group], Tags=listed(**{f"k{number}": "v"}))

    with refused("TooManyTags"):
        world.elbv2.add_tags(ResourceArns=[group], Tags=listed(one="more"))
    world.elbv2.add_tags(ResourceArns=[group], Tags=listed(k0="changed"))
    assert (50, "changed") == (len(tags(world, group)), tags(world, group)["k0"])
    with refused("TooManyTags"):
        world.group("other", Tags=listed(**{f"k{number}": "v" for number in range(51)}))


@pytest.mark.parametrize(
    ("key", "value"),
    [("aws:x", "v"), ("AWS:x", "v"), ("k" * 129, "v"), ("k", "v" * 257), ("", "v"), ("k!", "v"), ("k", "v,w")],
)
def test_row_27_a_tag_has_bounds_and_an_alphabet(world: World, key: str, value: str) -> None:
    group = world.group()

    with refused("ValidationError"):
        world.unchecked.add_tags(ResourceArns=[group], Tags=[{"Key": key, "Value": value}])


def test_row_27_a_key_comes_once_in_a_call(world: World) -> None:
    with refused("DuplicateTagKeys"):
        world.elbv2.add_tags(ResourceArns=[world.group()], Tags=[*listed(k="1"), *listed(k="2")])


def test_row_27_removing_a_tag_that_is_not_there_is_success(world: World) -> None:
    group = world.group(Tags=listed(a="1", b="2"))

    world.elbv2.remove_tags(ResourceArns=[group], TagKeys=["a", "x"])

    assert {"b": "2"} == tags(world, group)


def imported(world: World, arn: str | None = None, *, key: Any = None, **options: Any) -> str:
    certificate, private = certificate_pem("a.example.com", **({"key": key} if key else {}))
    options |= {"CertificateArn": arn} if arn else {}
    return str(world.acm.import_certificate(Certificate=certificate, PrivateKey=private, **options)["CertificateArn"])


def acm_tags(world: World, arn: str) -> list[dict[str, str]]:
    return list(world.acm.list_tags_for_certificate(CertificateArn=arn)["Tags"])


def test_row_36_a_key_fits_its_certificate(world: World) -> None:
    certificate, _ = certificate_pem("a.example.com")
    _, other = certificate_pem("a.example.com", key=EC_KEY)

    with refused("ValidationException"):
        world.acm.import_certificate(Certificate=certificate, PrivateKey=other)
    with refused("ValidationException"):
        world.acm.import_certificate(Certificate=b"nonsense", PrivateKey=other)


def test_row_36_a_reimport_keeps_tags_and_refuses_new_ones(world: World) -> None:
    arn = imported(world, Tags=listed(k="v"))

    assert arn == imported(world, arn)

    assert listed(k="v") == acm_tags(world, arn)
    with refused("ValidationException"):
        imported(world, arn, Tags=listed(k="w"))


def test_row_36_a_reimport_keeps_the_type_of_key(world: World) -> None:
    arn = imported(world)

    with refused("ValidationException", "key type or size"):
        imported(world, arn, key=EC_KEY)
    with refused("ResourceNotFoundException"):
        imported(world, arn[:-4] + "none")


def test_row_36_a_certificate_in_use_cannot_be_deleted(world: World, balancer: str) -> None:
    arn = imported(world)
    listener = world.listener(balancer, 443, "HTTPS", Certificates=[{"CertificateArn": arn}])
    assert [balancer] == world.acm.describe_certificate(CertificateArn=arn)["Certificate"]["InUseBy"]
    with refused("ResourceInUseException"):
        world.acm.delete_certificate(CertificateArn=arn)

    world.elbv2.delete_listener(ListenerArn=listener)

    assert [] == world.acm.describe_certificate(CertificateArn=arn)["Certificate"].get("InUseBy", [])
    world.acm.delete_certificate(CertificateArn=arn)
    with refused("ResourceNotFoundException"):
        world.acm.delete_certificate(CertificateArn=arn)


def test_row_36_elliptic_keys_are_listed_only_when_asked_for(world: World) -> None:
    rsa, elliptic = imported(world), imported(world, key=EC_KEY)

    def found(**options: Any) -> set[str]:
        summaries = world.acm.list_certificates(**options)["CertificateSummaryList"]
        return {one["CertificateArn"] for one in summaries}

    assert {rsa} == found()
    assert {elliptic} == found(Includes={"keyTypes": ["EC_prime256v1"]})


def test_row_36_imports_have_a_quota() -> None:
    with strict_aws(Settings(imported_certificates=1)) as account:
        world = World(account)
        first = imported(world)
        with refused("LimitExceededException"):
            imported(world)
        assert first == imported(world, first)


QUOTAS = {
    "application-load-balancers": "50",
    "rules-per-application-load-balancer": "100",
    "condition-values-per-alb-rule": "5",
    "condition-wildcards-per-alb-rule": "5",
    "target-groups-per-action-on-application-load-balancer": "5",
    "target-groups-per-application-load-balancer": "100",
    "target-groups": "3000",
    "listeners-per-application-load-balancer": "50",
    "certificates-per-application-load-balancer": "25",
    "targets-per-target-group": "1000",
    "targets-per-application-load-balancer": "1000",
    "target-id-registrations-per-application-load-balancer": "1000",
}


def limits(world: World) -> dict[str, str]:
    return {one["Name"]: one["Max"] for one in world.elbv2.describe_account_limits()["Limits"]}


def test_row_37_account_limits_have_their_real_names_and_defaults(world: World) -> None:
    found = limits(world)

    assert {name: found.get(name) for name in QUOTAS} == QUOTAS


def test_row_37_a_raised_quota_is_told_and_kept(world: World, listener: str) -> None:
    world.account.limits.set("rules-per-application-load-balancer", 1)
    world.rule(listener, 1)
    with refused("TooManyRules"):
        world.rule(listener, 2)

    world.account.limits.set("rules-per-application-load-balancer", 2)

    assert "2" == limits(world)["rules-per-application-load-balancer"]
    world.rule(listener, 2)


def test_row_37_limits_are_paged(world: World) -> None:
    first = world.elbv2.describe_account_limits(PageSize=5)

    assert 5 == len(first["Limits"])
    assert first["Limits"][-1] not in world.elbv2.describe_account_limits(Marker=first["NextMarker"])["Limits"]


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("target-groups", "TooManyTargetGroups"),
        ("target-groups-per-application-load-balancer", "TooManyUniqueTargetGroupsPerLoadBalancer"),
        ("target-id-registrations-per-application-load-balancer", "TooManyRegistrationsForTargetId"),
        ("targets-per-target-group", "TooManyTargets"),
        ("condition-values-per-alb-rule", "ValidationError"),
        ("condition-wildcards-per-alb-rule", "ValidationError"),
    ],
)
def test_row_37_every_quota_of_a_rule_and_its_targets_is_kept(
    world: World, listener: str, name: str, code: str
) -> None:
    world.account.limits.set(name, 1)
    two = {"Field": "path-pattern", "PathPatternConfig": {"Values": ["/a*", "/b*"]}}

    with refused(code):
        first = world.group("a")
        world.elbv2.register_targets(
            TargetGroupArn=first, Targets=[{"Id": "10.244.0.1", "Port": port} for port in (80, 81)]
        )
        world.rule(listener, 1, Actions=forward(first))
        world.rule(listener, 2, Actions=forward(world.group("b")), Conditions=[two])


def test_row_38_an_unknown_policy_is_not_found(world: World) -> None:
    with refused("SSLPolicyNotFound"):
        world.elbv2.describe_ssl_policies(Names=["ELBSecurityPolicy-1999"])


def resources(world: World, **filters: Any) -> dict[str, dict[str, str]]:
    api = world.account.client("resourcegroupstaggingapi")
    found = api.get_resources(**filters)["ResourceTagMappingList"]
    return {one["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in one["Tags"]} for one in found}


def test_new_operations_get_resources_finds_what_elbv2_and_acm_hold_by_tag(world: World) -> None:
    mine = listed(owner="us")
    balancer = world.balancer(Tags=mine)
    listener = world.listener(balancer, Tags=mine)
    rule = world.rule(listener, Tags=mine)
    group, certificate = world.group(Tags=mine), imported(world, Tags=mine)
    world.group("theirs", Tags=listed(owner="them"))
    ours = [{"Key": "owner", "Values": ["us"]}]

    assert {balancer, listener, rule, group, certificate} == resources(world, TagFilters=ours).keys()
    kind = ["elasticloadbalancing:targetgroup"]
    assert {group: {"owner": "us"}} == resources(world, TagFilters=ours, ResourceTypeFilters=kind)


def test_new_operations_that_get_resources_knows_listeners_is_a_switch() -> None:
    with strict_aws(Settings(list_listeners=False)) as account:
        world = World(account)
        listener = world.listener(world.balancer(), Tags=listed(owner="us"))

        assert listener not in resources(world)


def test_new_operations_get_resources_has_bounds_and_pages(world: World) -> None:
    for number in range(3):
        world.group(f"g{number}", Tags=listed(owner="us"))
    api = world.account.client("resourcegroupstaggingapi")

    ours: Any = {"TagFilters": [{"Key": "owner"}], "ResourcesPerPage": 2}
    first = api.get_resources(**ours)
    second = api.get_resources(**ours, PaginationToken=first["PaginationToken"])

    assert [2, 1] == [len(one["ResourceTagMappingList"]) for one in (first, second)]
    assert "" == second["PaginationToken"]
    with refused("InvalidParameterException"):
        api.get_resources(TagFilters=[{"Key": "k", "Values": [str(number) for number in range(21)]}])


def test_new_operations_a_transform_is_refused_on_the_default_rule(world: World, listener: str) -> None:
    rewrite = {"Rewrites": [{"Regex": "^/a", "Replace": "/b"}]}
    default = next(arn for arn, number in world.priorities(listener).items() if number == "default")

    with refused("OperationNotPermitted"):
        world.elbv2.modify_rule(
            RuleArn=default, Transforms=[{"Type": "url-rewrite", "UrlRewriteConfig": rewrite}], Actions=NOT_FOUND
        )


def test_row_36_certificates_are_listed_in_pages_by_age_and_dated_by_the_clock(world: World) -> None:
    arns = []
    for _ in range(3):
        arns.append(imported(world))
        world.account.clock.advance(60)
    order: Any = {"SortBy": "CREATED_AT", "SortOrder": "DESCENDING", "MaxItems": 2}

    first = world.acm.list_certificates(**order)
    second = world.acm.list_certificates(**order, NextToken=first["NextToken"])

    found = [*first["CertificateSummaryList"], *second["CertificateSummaryList"]]
    assert arns[::-1] == [one["CertificateArn"] for one in found]
    assert [60, 120] == [round((found[0]["ImportedAt"] - one["ImportedAt"]).total_seconds()) for one in found[1:]]
    imported(world, arns[0])
    renewed = world.acm.describe_certificate(CertificateArn=arns[0])["Certificate"]["ImportedAt"]
    assert 60 == round((renewed - found[0]["ImportedAt"]).total_seconds())
