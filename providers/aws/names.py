"""Names and tags of what we make in AWS.

Names are `rw-<cluster:6>-<slug:at most 12>-<digest:8>`, at most 31 of `[a-z0-9-]`: the fixed beginning lets IAM scope
by ARN, the digest covers everything that has to be unique or that AWS fixes at creation. Tags alone prove ownership.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping

from reconciler.keys import GatewayKey
from reconciler.plan import ResourceKey, canonical
from reconciler.ports import Owner
from reconciler.values import Json

CLUSTER = "routewright.dev/cluster"
GATEWAY = "routewright.dev/gateway"
GATEWAY_UID = "routewright.dev/gateway-uid"
ID = "routewright.dev/id"
SPEC = "routewright.dev/spec"
NONCE = "routewright.dev/nonce"
ADDONS = "routewright.dev/addons"
"""What we turned on that an account's own rules may turn on as well."""
TAG_KEYS = "routewright.dev/tag-keys"
"""Which of the other tags are ours, see `key_record`."""
PREFIX = "routewright.dev/"

MAX_TAG_VALUE = 256
OR = "/"
"""Stands in the tag of a certificate between its former content and the new one."""
MAX_TAGS = 50
OUR_TAGS = 9
"""At most: those above, and the sweep's note."""
_KEY_DIGEST = 5
_SHOWN = 60
"""Characters of a key that a sentence shows."""
_TAG_KEY = re.compile(r"[\w .:/=+\-@]{1,128}")
_TAG_VALUE = re.compile(r"[\w .:/=+\-@]{0,256}")


def load_balancer_name(key: GatewayKey, uid: str, scheme: str, balancer: str = "alb") -> str:
    """Return the name of a Gateway's load balancer; type and scheme are fixed at creation, so they are in the name."""
    return _name(key.cluster, key.name, [balancer, key.cluster, uid, scheme])


def target_group_name(key: GatewayKey, slug: str, fixed: Json) -> str:
    """Return the name of a target group; `fixed` is all that AWS fixes at its creation and all that makes it unique."""
    return _name(key.cluster, slug, ["tg", key.cluster, fixed])


def trust_store_name(key: GatewayKey, uid: str, content: str) -> str:
    """Return the name of a Gateway's trust store; `content` is the digest of the authorities that it holds."""
    return _name(key.cluster, key.name, ["ts", key.cluster, uid, content])


def trust_store_names(key: GatewayKey) -> str:
    """Return how the names of all trust stores of a Gateway begin; those of other Gateways may, too."""
    return trust_store_name(key, "", "")[:-8]


def bundle_prefix(cluster: str) -> str:
    """Return how the keys of all objects of a cluster begin that trust stores are made from."""
    return f"routewright/{cluster}/"


def bundle_key(key: GatewayKey, uid: str, name: str = "") -> str:
    """Return the key of the object that a trust store is made from; without a name, how all of a Gateway's begin."""
    return f"{bundle_prefix(key.cluster)}{short_digest([uid], 16)}/{name}{'.pem' if name else ''}"


def permission_owner(uid: str) -> str:
    """Return the description of the permissions that we give in security groups: whose they are."""
    return f"rw:{uid}"


def security_group_name(key: GatewayKey, uid: str) -> str:
    """Return the name of a Gateway's security group."""
    return _name(key.cluster, key.name, ["sg", key.cluster, uid])


def _name(cluster: str, slug: str, unique: Json) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-")[:12].strip("-")
    return "-".join(part for part in ("rw", plain_cluster(cluster), plain, short_digest(unique, 8)) if part)


def plain_cluster(cluster: str) -> str:
    """Return the six characters that stand for a cluster in names."""
    return re.sub(r"[^a-z0-9]", "", cluster.lower())[:6]


def short_digest(value: Json, length: int) -> str:
    """Return the first characters of the base32 sha256 of a value's canonical JSON; lower case, fit for names."""
    return base64.b32encode(hashlib.sha256(canonical(value).encode()).digest()).decode().lower()[:length]


def gateway_value(key: GatewayKey) -> str:
    """Return the value of the GATEWAY tag: `namespace/name`, or its digest where AWS would not take it."""
    plain = f"{key.namespace}/{key.name}"
    return plain if len(plain) <= MAX_TAG_VALUE and _TAG_VALUE.fullmatch(plain) else short_digest(plain, 52)


def owner_tags(owner: Owner) -> dict[str, str]:
    """Return the tags that prove whose a resource is."""
    return {CLUSTER: owner.key.cluster, GATEWAY: gateway_value(owner.key), GATEWAY_UID: owner.uid}


def cluster_tags(cluster: str) -> dict[str, str]:
    """Return the tags of what belongs to a cluster rather than to one Gateway, e.g. certificates."""
    return {CLUSTER: cluster}


def logical_id(key: ResourceKey) -> str:
    """Return the value of the ID tag."""
    text = str(key)
    return text if len(text) <= MAX_TAG_VALUE and _TAG_VALUE.fullmatch(text) else short_digest(text, 52)


def key_record(keys: Iterable[str]) -> str:
    """Return the record of tags by their keys: five characters a key."""
    return "".join(sorted({short_digest(key, _KEY_DIGEST) for key in keys}))


def recorded(record: str) -> frozenset[str]:
    """Return the records of single keys that a record holds."""
    return frozenset(record[start : start + _KEY_DIGEST] for start in range(0, len(record), _KEY_DIGEST))


def wrong_tags(tags: Mapping[str, Json]) -> Iterator[str]:
    """Yield what is wrong with tags that a person asks for, a sentence each (tagging guide, "Naming limits")."""
    for key, value in tags.items():
        if not isinstance(value, str):
            yield f"{_shown(key)} has to be a text"
        elif key.lower().startswith("aws:"):
            yield f"{_shown(key)}: AWS keeps keys that begin with aws: for itself"
        elif key.lower().startswith(PREFIX):
            yield f"{_shown(key)}: keys that begin with {PREFIX} say what is whose, and are set by us alone"
        elif not _TAG_KEY.fullmatch(key) or not _TAG_VALUE.fullmatch(value):
            yield f"{_shown(key)}: AWS takes up to 128 letters, digits, spaces and _.:/=+-@, and of a value up to 256"
    if len(tags) > MAX_TAGS - OUR_TAGS:
        yield f"at most {MAX_TAGS - OUR_TAGS} tags can be set, and {len(tags)} are asked for"


def _shown(key: str) -> str:
    return key if len(key) <= _SHOWN else f"{key[:_SHOWN]}…"


def user_tags(labels: Mapping[str, str]) -> dict[str, str]:
    """Return those of the user's labels that AWS takes as tags, by name, and never one that looks like ours."""
    fit = {
        key: value
        for key, value in sorted(labels.items())
        if not key.lower().startswith((PREFIX, "aws:")) and _TAG_KEY.fullmatch(key) and _TAG_VALUE.fullmatch(value)
    }
    return dict(list(fit.items())[: MAX_TAGS - OUR_TAGS])
