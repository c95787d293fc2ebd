"""`python -m demo`: the story of three teams and two Gateways, on real parts; exit code 0 if nothing differed."""

from __future__ import annotations

import argparse
import signal
import threading

from demo.show import Show
from demo.stage import Stage
from demo.story import play


def main() -> int:
    """Play, then either tidy up or leave everything running until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="python -m demo", description=__doc__)
    parser.add_argument("--keep", action="store_true", help="leave all of it running, and say how to look at it")
    keep = parser.parse_args().keep
    show = Show()
    show.chapter("The stage: a real kube-apiserver, an emulated AWS, a data plane of Envoy")
    with Stage() as stage:
        play(stage, show, tidy=not keep)
        if keep:
            _leave_running(stage, show)
    _summary(show)
    return 1 if show.differed else 0


def _summary(show: Show) -> None:
    show.chapter("Summary")
    show.say(f"{show.checked - len(show.differed)} of {show.checked} sentences of the story held")
    for sentence in show.differed:
        show.say(f"  differed: {sentence}")


def _leave_running(stage: Stage, show: Show) -> None:
    address, port = stage.address("infra", "shared-gw")
    show.chapter("All of it is running; Ctrl-C ends it")
    show.say(f"export KUBECONFIG={stage.kubeconfig}")
    show.say(f"export AWS_ENDPOINT_URL={stage.endpoint_url} AWS_REGION=us-east-1")
    show.say("export AWS_ACCESS_KEY_ID=testing AWS_SECRET_ACCESS_KEY=testing")
    show.say(f"curl -i -H 'Host: shop.example.com' http://{address}:{port}/")
    show.say(f"curl -i -H 'Host: shop.example.com' http://{address}:{port}/old")
    show.say(f"curl -i -H 'Host: pay.example.com' http://{address}:{port}/")
    show.say("printf 'hello\\n' | nc {} {}".format(*stage.address("infra", "shared-gw", 5432)))
    vault = "{}:{}".format(*stage.address("infra", "shared-gw", 8443))
    show.say(f"printf 'hello\\n' | openssl s_client -quiet -connect {vault} -servername vault.example.com")
    show.say(f"logs of the functions: {stage.functions_log}")
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    stopped.wait()


if __name__ == "__main__":
    raise SystemExit(main())
