"""The emulated cluster behaves as a cluster does: Pods, EndpointSlices, rollouts, ends, rights and restarts."""

from __future__ import annotations

import itertools
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from pathlib import Path

import pytest
from kubernetes.client.exceptions import ApiException

from emulators.cluster.control_plane import ControlPlane
from emulators.cluster.objects import Objects
from emulators.cluster.processes import free_port
from tests.integration.cluster_world import Json, Space, ask, condition, deployment, eventually, pod, pod_spec, service

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("cluster")]

_ROOT = Path(__file__).parents[2]
_CONFIG_MAP: Json = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "note"}, "data": {"a": "b"}}


def test_a_deployment_becomes_available_and_its_slices_carry_pod_addresses(space: Space) -> None:
    space.apply(deployment(space.name, "web", pod_spec()), service(space.name, "web"))
    addresses = eventually(lambda: found if len(found := space.ready_addresses()) == 2 else [])
    told = sorted(item["status"]["podIP"] for item in space.pods())
    assert told == sorted(addresses)
    assert [True, True] == [address.startswith("10.244.") for address in addresses]
    assert eventually(lambda: space.rolled_out("web"))


def test_the_table_leads_each_address_to_the_process_of_its_pod(space: Space) -> None:
    space.apply(deployment(space.name, "web", pod_spec(env=[{"name": "TEAM", "value": "a"}])))
    assert eventually(lambda: space.rolled_out("web"))
    expected = {(item["metadata"]["name"], space.name, "a") for item in space.pods()}
    answers = [ask(space.table()[f"{item['status']['podIP']}:8080"])[1] for item in space.pods()]
    assert expected == {(one["pod"], one["namespace"], one["team"]) for one in answers}


def test_a_rollout_serves_every_request_of_a_client_that_learns_late_of_endpoints(space: Space) -> None:
    """The client looks at the slices once a second only; what it knows of may be ending, and has to answer still."""
    space.apply(deployment(space.name, "web", pod_spec(grace=4)), service(space.name, "web"))
    assert eventually(lambda: space.rolled_out("web"))
    before = {item["metadata"]["name"] for item in space.pods()}
    statuses: Counter[int] = Counter()
    stop = threading.Event()
    client = threading.Thread(target=_ask_steadily, args=(space, stop, statuses))
    client.start()
    space.apply(deployment(space.name, "web", pod_spec(grace=4), revision="2"))
    replaced = eventually(lambda: not before & {item["metadata"]["name"] for item in space.pods()})
    stop.set()
    client.join()
    assert replaced
    assert {200: statuses.total()} == dict(statuses)
    assert statuses.total() > 50


def _ask_steadily(space: Space, stop: threading.Event, statuses: Counter[int]) -> None:
    while not stop.is_set():
        known = space.ready_addresses()
        next_look = time.monotonic() + 1.0
        while time.monotonic() < next_look:
            for address in known:
                statuses[ask(space.table().get(f"{address}:8080", "127.0.0.1:1"))[0]] += 1
            time.sleep(0.02)


def test_the_end_of_a_namespace_ends_its_processes_within_seconds(space: Space) -> None:
    space.apply(deployment(space.name, "web", pod_spec()))
    assert eventually(lambda: space.rolled_out("web"))
    places = [space.place(item["metadata"]["name"]) for item in space.pods()]
    addresses = {item["status"]["podIP"] for item in space.pods()}
    space.client.delete("v1", "Namespace", "", space.name)
    assert eventually(lambda: space.client.get("v1", "Namespace", "", space.name) is None, seconds=15)
    assert [0, 0] == [ask(place)[0] for place in places]
    assert set() == addresses & {key.partition(":")[0] for key in space.table()}


def test_a_pod_whose_probe_fails_runs_but_is_not_ready(space: Space) -> None:
    failing = {"httpGet": {"path": "/?status=503", "port": "http"}, "periodSeconds": 1}
    passing = {"httpGet": {"path": "/?status=204", "port": "http"}, "periodSeconds": 1}
    space.apply(pod(space.name, "sick", pod_spec(readinessProbe=failing)))
    space.apply(pod(space.name, "well", pod_spec(readinessProbe=passing)))
    assert eventually(lambda: space.ready("well"))
    assert eventually(lambda: ask(space.place("sick") or "127.0.0.1:1")[0] == 200)
    assert "Running" == space.pod("sick")["status"]["phase"]
    assert "False" == condition(space.pod("sick"), "Ready")


def test_a_deleted_pod_is_unready_at_once_and_serves_through_its_pre_stop_sleep(space: Space) -> None:
    hook = {"preStop": {"sleep": {"seconds": 2}}}
    space.apply(pod(space.name, "web", pod_spec(grace=3, lifecycle=hook)))
    assert eventually(lambda: space.ready("web"))
    place = space.place("web")
    deleted = time.monotonic()
    space.client.delete("v1", "Pod", space.name, "web")
    assert eventually(lambda: condition(space.pod("web"), "Ready") == "False", seconds=1)
    time.sleep(max(0.0, deleted + 1.5 - time.monotonic()))
    assert 200 == ask(place)[0]
    assert eventually(lambda: not space.pod("web"), seconds=5)
    assert 0 == ask(place)[0]


def test_a_request_under_way_when_nothing_new_is_accepted_is_answered(space: Space) -> None:
    """Of a grace of 4 s the echo server accepts for 3."""
    space.apply(pod(space.name, "web", pod_spec(grace=4)))
    assert eventually(lambda: space.ready("web"))
    answers: list[int] = []
    place = space.place("web")
    client = threading.Thread(target=lambda: answers.append(ask(place, "/?seconds=3.3")[0]))
    client.start()
    space.client.delete("v1", "Pod", space.name, "web")
    client.join()
    assert [200] == answers


def test_a_process_that_dies_is_started_again_where_the_table_says(space: Space) -> None:
    command = ["sh", "-c", "test -e $MARK || { touch $MARK; exit 7; }; exec $PYTHON -m emulators.cluster.echo"]
    mark = str(space.addresses.parent / f"{space.name}.mark")
    env = [{"name": "MARK", "value": mark}, {"name": "PYTHON", "value": sys.executable}]
    space.apply(pod(space.name, "web", pod_spec(command=command, env=env)))
    assert eventually(lambda: space.ready("web"))
    status = space.pod("web")["status"]["containerStatuses"][0]
    assert (1, 7) == (status["restartCount"], status["lastState"]["terminated"]["exitCode"])
    assert 200 == ask(space.place("web"))[0]


def test_a_pod_that_runs_to_its_end_tells_how_it_ended(space: Space) -> None:
    spec = pod_spec(image="none", command=["sh", "-c"], args=["exit $(CODE)"], env=[{"name": "CODE", "value": "3"}])
    space.apply(pod(space.name, "job", spec | {"restartPolicy": "Never"}))
    assert eventually(lambda: space.pod("job").get("status", {}).get("phase") == "Failed")
    assert 3 == space.state("job")["terminated"]["exitCode"]


def test_an_image_that_nobody_knows_waits_and_says_what_to_do(space: Space) -> None:
    space.apply(pod(space.name, "web", pod_spec(image="example.com/unknown:1")))
    waiting = eventually(lambda: space.state("web").get("waiting", {}))
    assert "ErrImagePull" == waiting["reason"]
    assert "set `command` to a local program" in waiting["message"]


def test_what_a_pod_started_ends_with_it(space: Space) -> None:
    """A shell that leaves a child of its own behind: the child ends as well."""
    mark = space.addresses.parent / f"{space.name}.pid"
    command = ["sh", "-c", f"sleep 600 & echo $! > {mark}; exec sleep 600"]
    space.apply(pod(space.name, "web", pod_spec(image="none", command=command)))
    assert eventually(lambda: mark.exists() and mark.read_text().strip())
    process = Path("/proc") / mark.read_text().strip()
    assert process.exists()
    space.client.delete("v1", "Pod", space.name, "web")
    assert eventually(lambda: not space.pod("web"), seconds=5)
    assert eventually(lambda: not process.exists(), seconds=2)


def test_a_user_may_write_only_where_a_role_says_so(control_plane: ControlPlane, namespace: str) -> None:
    control_plane.apply(_rights(namespace, "team"))
    client = control_plane.client("team", ())
    client.apply(_note(namespace))
    assert 403 == _refusal(client, _note("default"))
    assert 403 == _refusal(control_plane.client("stranger", ()), _note(namespace))


def _note(namespace: str) -> Json:
    return _CONFIG_MAP | {"metadata": {"name": "note", "namespace": namespace}}


def _rights(namespace: str, user: str) -> list[Json]:
    group = "rbac.authorization.k8s.io"
    meta = {"name": user, "namespace": namespace}
    rule = {"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}
    role = {"apiVersion": f"{group}/v1", "kind": "Role", "metadata": meta, "rules": [rule]}
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "RoleBinding",
        "metadata": meta,
        "roleRef": {"apiGroup": group, "kind": "Role", "name": user},
        "subjects": [{"apiGroup": group, "kind": "User", "name": user}],
    }
    return [role, binding]


def _refusal(client: Objects, item: Json) -> int:
    """Return the status of the refusal to write an object."""
    with pytest.raises(ApiException) as caught:
        client.apply(item)
    return int(caught.value.status)


def test_pods_outlive_a_crash_of_the_api_server_and_new_ones_start_after_it(
    control_plane: ControlPlane, space: Space
) -> None:
    space.apply(pod(space.name, "before", pod_spec()))
    assert eventually(lambda: space.ready("before"))
    place = space.place("before")
    control_plane.kill_apiserver()
    assert 200 == ask(place)[0]
    control_plane.start_apiserver()
    space.apply(deployment(space.name, "after", pod_spec(), replicas=1))
    assert eventually(lambda: space.rolled_out("after"))
    assert (200, place) == (ask(place)[0], space.place("before"))


def test_a_port_that_somebody_else_has_just_taken_is_left_to_them(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]
        ports = itertools.chain((taken,), iter(free_port, None))
        monkeypatch.setattr("emulators.cluster.control_plane.free_port", lambda: next(ports))
        with ControlPlane() as plane:
            assert plane.url != f"https://127.0.0.1:{taken}"
            assert plane.client().get("v1", "Namespace", "", "default")


def test_the_cluster_as_a_program_prints_its_kubeconfig_and_leaves_nothing_behind(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "emulators.cluster", "--folder", str(tmp_path)]
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own module
        try:
            assert process.stdout is not None
            client = Objects(Path(process.stdout.readline().strip()))
            addresses = Path(process.stdout.readline().removeprefix("addresses: ").strip())
            space = Space("default", client, addresses)
            space.apply(pod("default", "web", pod_spec(grace=30)))
            assert eventually(lambda: space.ready("web"))
            place = space.place("web")
        finally:
            process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(30)
    assert 0 == ask(place)[0]
