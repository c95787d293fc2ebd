"""Listeners and certificates."""

from __future__ import annotations

from providers.aws.resources import (
    certificate_key,
    ingress_key,
    listener_certificate_key,
    listener_key,
    order_key,
)
from reconciler.plan import Op, Resource
from tests.aws_gateway import (
    HTTPS,
    calls_of,
    changes_of,
    less,
    observed,
    path_rule,
    spec_of,
    swap,
    whole,
)


def test_a_new_port_opens_after_its_rules_and_the_old_listener_goes_last() -> None:
    """A port that moves has both for a while."""
    there = whole(path_rule("/a"))
    moved = [*less(there, listener_key(80), order_key(80), path_rule("/a").key, ingress_key(80))]
    moved += [observed(listener_key(81), Port=81, Protocol="HTTP"), observed(ingress_key(81), Sources=["10.0.0.0/8"])]

    assert [
        "CreateListener",
        "AuthorizeSecurityGroupIngress",
        "RevokeSecurityGroupIngress",
        "DeleteListener",
    ] == calls_of(moved, there)


def test_a_default_answer_changes_after_the_rules_and_before_the_old_ones_leave() -> None:
    """The kept rules answer as wanted by then."""
    want = swap(whole(path_rule("/b")), listener_key(80), DefaultActions=[{"Type": "fixed-response"}])

    assert ["CreateRule", "ModifyListener", "DeleteRule"] == calls_of(want, whole(path_rule("/a")))


def test_a_certificate_is_offered_before_it_stops_being_the_default() -> None:
    """And leaves the list after the other took over."""
    base = [observed(certificate_key("team/b"), Fingerprint="2", KeyType="RSA_2048"), *whole()]
    got = [*base, Resource(listener_key(443), HTTPS), observed(listener_certificate_key(443, "team/b"))]
    want = [*base, Resource(listener_key(443), {**HTTPS, "Certificate": "team/b"})]
    want.append(observed(listener_certificate_key(443, "team/a")))

    assert ["AddListenerCertificates", "ModifyListener", "RemoveListenerCertificates"] == calls_of(want, got)


def test_a_renewed_certificate_is_imported_in_place_and_tagged() -> None:
    """No listener is touched."""
    there = [*whole(), Resource(listener_key(443), HTTPS)]

    assert ["AddTagsToCertificate", "ImportCertificate"] == calls_of(
        swap(there, certificate_key("team/a"), Fingerprint="2"), there
    )


def test_a_certificate_of_another_key_type_is_imported_anew_and_attached() -> None:
    """ACM cannot change the key type of what it holds."""
    there = [*whole(), Resource(listener_key(443), HTTPS), Resource(listener_key(444), {**HTTPS, "Certificate": "x"})]
    there.append(observed(listener_certificate_key(444, "team/a")))
    changes = changes_of(swap(there, certificate_key("team/a"), Fingerprint="2", KeyType="EC_prime256v1"), there)

    assert ["ImportCertificate", "ModifyListener", "AddListenerCertificates", "RemoveListenerCertificates"] == [
        change.call for change in changes
    ]
    assert Op.CREATE == changes[0].op


def test_a_listener_that_turns_to_https_changes_all_in_one_call_and_keeps_its_rules() -> None:
    """Certificates of the list come after, since a plain listener has none."""
    got = whole(path_rule("/a"))
    want = swap(got, listener_key(80), Protocol="HTTPS", SslPolicy="p", Certificate="team/a")
    want.append(observed(listener_certificate_key(80, "arn:x")))
    changes = changes_of(want, got)

    assert ["ModifyListener", "AddListenerCertificates"] == [change.call for change in changes]
    assert {"Port", "Protocol", "SslPolicy", "Certificate", "DefaultActions"} == set(spec_of(changes[0]))


def test_a_listener_that_turns_to_plain_http_needs_no_removal_of_certificates() -> None:
    """They are gone with the protocol."""
    got = [*whole(), Resource(listener_key(443), HTTPS), observed(listener_certificate_key(443, "arn:x"))]
    want = [*whole(), observed(listener_key(443), Port=443, Protocol="HTTP")]

    assert ["ModifyListener"] == calls_of(want, got)
