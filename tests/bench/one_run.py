"""One reconcile in a process of its own, nothing cached: cluster from a JSON file, cloud by AWS_ENDPOINT_URL.

`python -m tests.bench.one_run FILE TRIGGER` reads the objects, runs, writes the objects back.
"""

from __future__ import annotations

import json
import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

from kube.certificates import facts_of, key_pair_of
from providers import provider_for
from reconciler.events import from_text
from reconciler.reconcile import Room, reconcile
from tests.builders import CONTROLLER
from tests.fakes import FakeCluster


def main() -> None:
    """Run once; end with 1 if anything failed."""
    file, text = Path(sys.argv[1]), sys.argv[2]
    cluster = FakeCluster(provider="aws")
    objects = json.loads(file.read_text(encoding="utf-8"))
    secrets_ = [item for item in objects if item["kind"] == "Secret"]
    for item in objects:
        if item not in secrets_:
            cluster.objects[item["kind"], item["metadata"].get("namespace", ""), item["metadata"]["name"]] = item
    for item in secrets_:
        cluster.certificates.append(facts_of(item, datetime.now(UTC)))
        cluster.pairs[cluster.certificates[-1].ref] = key_pair_of(item)[0]
    room = Room(cluster, provider_for(CONTROLLER, rate=1000), lambda: secrets.token_hex(8))
    result = reconcile(from_text(text), room)
    file.write_text(json.dumps([*cluster.objects.values(), *secrets_]), encoding="utf-8")
    for failure in result.outcome.failed:
        sys.stderr.write(f"{failure.key}: {failure.error}\n")
    raise SystemExit(1 if result.outcome.failed else 0)


if __name__ == "__main__":
    main()
