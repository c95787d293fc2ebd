"""ConfigMaps become bundles of certificate authorities, or a sentence that says what to put there."""

from __future__ import annotations

from typing import Any

import pytest

from kube.certificates import bundle_of
from reconciler.keys import ConfigMapRef
from tests.unit.kube.test_certificates import issue


def config_map(**data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "shop", "name": "ca"}, "data": data}


def test_authorities_come_in_order_each_once_whatever_stands_between_them() -> None:
    one, two = issue(), issue()
    text = f"# ours\n{one.pem.decode()}\n\n{two.pem.decode()}{one.pem.decode()}"

    bundle = bundle_of(config_map(**{"ca.crt": text}))

    assert ConfigMapRef("shop", "ca") == bundle.ref
    assert one.pem.decode() + two.pem.decode() == bundle.pem
    assert (16, "") == (len(bundle.digest), bundle.problem)


def test_the_digest_follows_the_certificates_and_not_the_text_around_them() -> None:
    one, two = issue(), issue()
    plain = bundle_of(config_map(**{"ca.crt": one.pem.decode()}))

    assert plain.digest == bundle_of(config_map(**{"ca.crt": f"\n# again\n{one.pem.decode()}"})).digest
    assert plain.digest != bundle_of(config_map(**{"ca.crt": two.pem.decode()})).digest


@pytest.mark.parametrize(
    ("item", "problem"),
    [
        (config_map(), "missing or empty"),
        (config_map(**{"ca.pem": "x"}), "missing or empty"),
        (config_map(**{"ca.crt": " \n"}), "missing or empty"),
        (config_map(**{"ca.crt": "hello"}), "no PEM certificate"),
        (config_map(**{"ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"}), "no PEM"),
        ({"metadata": {"namespace": "shop", "name": "ca"}}, "missing or empty"),
    ],
)
def test_a_config_map_that_cannot_be_used_says_why(item: dict[str, Any], problem: str) -> None:
    bundle = bundle_of(item)

    assert problem in bundle.problem
    assert ("", "") == (bundle.pem, bundle.digest)
