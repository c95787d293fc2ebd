"""Resources and their difference."""

from __future__ import annotations

from reconciler.plan import Op, Rendered, Resource, ResourceKey, ResourceSet, canonical, diff, differing, digest
from reconciler.values import Json

RULE = ResourceKey("rule", "listener/80", "a")


def _resource(key: ResourceKey, **spec: Json) -> Resource:
    return Resource(key, spec)


def test_what_is_missing_is_created_what_is_left_over_deleted_what_differs_updated() -> None:
    """Equal resources give nothing."""
    keys = [ResourceKey("rule", "listener/80", name) for name in "abcd"]
    want = {key: _resource(key, Weight=1) for key in keys[:3]}
    got = {keys[1]: _resource(keys[1], Weight=2), keys[2]: _resource(keys[2], Weight=1), keys[3]: _resource(keys[3])}

    assert [(Op.CREATE, "a"), (Op.UPDATE, "b"), (Op.DELETE, "d")] == [(d.op, d.key.name) for d in diff(want, got)]


def test_a_difference_names_the_fields() -> None:
    """The plan tells people what changes."""
    assert ("Path", "Weight") == differing({"Path": "/a", "Weight": 1, "Same": 0}, {"Weight": 2, "Same": 0})


def test_a_field_that_we_do_not_want_is_the_clouds_own_business() -> None:
    """Clouds return defaults."""
    assert () == differing({"Weight": 1}, {"Weight": 1, "Default": "x"})


def test_tuples_and_lists_compare_alike() -> None:
    """What was read from the wire is lists, what we made is tuples."""
    assert () == differing({"Values": ("a", ("b", "c"))}, {"Values": ["a", ["b", "c"]]})


def test_canonical_text_does_not_depend_on_the_order_of_keys() -> None:
    """Digests are compared between runs and programs."""
    assert canonical({"a": 1, "b": (2,)}) == canonical({"b": [2], "a": 1})


def test_the_digest_of_a_rendering_is_that_of_its_parts() -> None:
    """Endpoints are in no part, so churn does not change it."""
    targets = ResourceKey("targets", "", "tg")
    one = Rendered({targets: _resource(targets, Targets=["10.0.0.1"])}, parts={"base": "1"})
    two = Rendered({targets: _resource(targets, Targets=["10.0.0.2"])}, parts={"base": "1"})

    assert one.digest == two.digest != Rendered(parts={"base": "2"}).digest


def test_keys_print_as_paths() -> None:
    """They stand in logs and plans."""
    assert ("rule/listener/80/a", "load-balancer/alb") == (str(RULE), str(ResourceKey("load-balancer", "", "alb")))


def test_resources_of_a_kind_come_in_the_order_of_their_keys() -> None:
    """Whatever the order they were read in."""
    keys = [ResourceKey("rule", "listener/80", name) for name in "ba"]
    found = ResourceSet({key: _resource(key) for key in keys})

    assert ["a", "b"] == [resource.key.name for resource in found.of_kind("rule")]


def test_a_digest_has_the_length_asked_for() -> None:
    """Names are short."""
    assert 8 == len(digest("x", 8))
