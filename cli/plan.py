"""`routewright plan`: manifests in, what would be built and said out. Reads files; asks no cluster and no cloud."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cli.classes import shipped_for
from cli.manifests import Manifest, ManifestError, read_manifests
from cli.schema import Finding, check, default_crds, read_schemas
from kube.certificates import bundle_of, facts_of
from providers import provider_for, provider_kinds
from reconciler.certificates import CaBundle, CertificateFacts
from reconciler.gatewayapi.read import kind_of
from reconciler.offline import Offline, Planned, plan_offline
from reconciler.ports import Provider


@dataclass(frozen=True, slots=True)
class Answer:
    """What `plan` found: the plan, findings of the schemas, and notes on what was left out or assumed."""

    offline: Offline
    findings: tuple[Finding, ...]
    notes: tuple[str, ...]


def make_plan(where: Sequence[str], provider: str = "aws", crds: Path | None = None, bucket: str = "") -> Answer:
    """Return the plan of manifests for a cloud by its registered name; `bucket` is the deployment's for authorities.

    Raises ManifestError for input that cannot be read, or a cloud that nobody registered.
    """
    kinds = provider_kinds()
    if provider not in kinds:
        raise ManifestError(f"no provider is called {provider!r}; known are {', '.join(sorted(kinds))}")
    controller = kinds[provider].controller
    return plan_with(where, controller, provider_for(controller, bucket=bucket), crds)


def plan_with(where: Sequence[str], controller: str, provider: Provider, crds: Path | None = None) -> Answer:
    """Return the plan of manifests by a provider, for Gateways of a controllerName. Raises ManifestError too."""
    manifests = read_manifests(where)
    folder = crds or default_crds()
    findings = tuple(check(manifests, read_schemas(folder))) if folder else ()
    refused = {(finding.place, finding.name) for finding in findings}
    accepted = [one for one in manifests if (one.place, one.name) not in refused]
    _refuse_repeats(accepted)
    objects: list[dict[str, Any]] = [one.body for one in accepted]
    added = shipped_for(objects)
    offline = plan_offline([*objects, *added], controller, provider, _facts(objects))
    notes = (
        *_notes(accepted, offline),
        *(f"assumed {item['kind']} {item['metadata']['name']} as shipped" for item in added),
    )
    if folder is None:
        notes = (
            *notes,
            "no CRDs at hand, so the schemas were not checked; give --crds DIR, or run `make cluster` once",
        )
    return Answer(offline, findings, notes)


def _refuse_repeats(manifests: Sequence[Manifest]) -> None:
    seen: dict[tuple[str, str], Manifest] = {}
    for one in manifests:
        key = (str(one.body.get("apiVersion")).rpartition("/")[0], one.name)
        if key in seen:
            raise ManifestError(f"{one.place}: {one.name} stands already in {seen[key].place}; keep one of them")
        seen[key] = one


def _facts(objects: Sequence[Mapping[str, Any]]) -> list[CertificateFacts | CaBundle]:
    """Return what the Secrets and ConfigMaps hold, by the namespace that an object without one lives in."""
    now = datetime.now(UTC)
    secrets = [facts_of(_placed(item), now) for item in objects if kind_of(item) == "Secret"]
    return [*secrets, *(bundle_of(_placed(item)) for item in objects if kind_of(item) == "ConfigMap")]


def _placed(item: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = item.get("metadata")
    meta = meta if isinstance(meta, Mapping) else {}
    return {**item, "metadata": {**meta, "namespace": meta.get("namespace") or "default"}}


def _notes(manifests: Sequence[Manifest], offline: Offline) -> Iterator[str]:
    ignored = sorted({str(one.body.get("kind")) for one in manifests if not kind_of(one.body)})
    if ignored:
        yield f"ignored, not ours to read: {', '.join(ignored)}"
    planned = {(one.key.namespace, one.key.name) for one in offline.gateways}
    for kind, namespace, name, _ in offline.statuses:
        if kind == "Gateway" and (namespace, name) not in planned:
            yield f"Gateway {namespace}/{name}: its class is not in the input, or not ours; nothing would happen to it"


def document(answer: Answer) -> dict[str, Any]:
    """Return the stable document of `--output yaml`; docs/plan.md describes it."""
    return {
        "status": [
            {"kind": kind, **({"namespace": namespace} if namespace else {}), "name": name, "status": status}
            for kind, namespace, name, status in answer.offline.statuses
        ],
        "resources": [resource for planned in answer.offline.gateways for resource in _resources(planned)],
    }


def _resources(planned: Planned) -> Iterator[dict[str, Any]]:
    whys: dict[str, str] = {}
    for change in planned.plan.changes:
        whys.setdefault(str(change.key), change.why)
    for key in sorted(planned.want.resources):
        resource = planned.want.resources[key]
        yield {
            "gateway": f"{planned.key.namespace}/{planned.key.name}",
            "resource": str(key),
            "spec": _plain(resource.spec),
            "origins": list(resource.origins),
            "why": whys.get(str(key), ""),
        }


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, (list, tuple)) else value
