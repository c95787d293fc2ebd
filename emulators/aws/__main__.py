"""`python -m emulators.aws`: an emulated AWS account that runs until SIGTERM or Ctrl-C."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading

from emulators.aws.server import SERVER_ACCOUNT, AwsEmulator
from emulators.aws.settings import Settings

DELAYS = {
    "provisioning": "until a new load balancer is active",
    "target-initial": "until a registered target is healthy",
    "interface-linger": "for which deleted load balancers hold security groups",
    "consistency-delay": "until new ELBv2 objects are visible",
    "tagging-delay": "by which GetResources lags",
    "certificate-delay": "until ELBv2 sees a fresh certificate",
}


def main() -> None:
    """Serve until told to stop; print the endpoint, and the ids of the ready network, as the first two lines."""
    options = _parser().parse_args()
    settings = Settings(
        region=options.region,
        provisioning=options.provisioning,
        target_initial=options.target_initial,
        interface_linger=options.interface_linger,
        consistency_delay=options.consistency_delay,
        consistency_seed=options.consistency_seed,
        tagging_delay=options.tagging_delay,
        certificate_delay=options.certificate_delay,
        virtual_clock=options.virtual_clock,
        throttle=options.throttle,
        loopback_dns=options.loopback_dns,
        allow_any_certificate=options.allow_any_certificate,
        set_priorities_atomic=not options.priorities_one_by_one,
    )
    stopped = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    with AwsEmulator(settings, port=options.port, account_id=options.account_id) as emulator:
        lines = [emulator.endpoint_url]
        if not options.no_network:
            lines.append(json.dumps(emulator.account.prepare_network().as_json()))
        sys.stdout.write("\n".join(lines) + "\n")
        sys.stdout.flush()
        stopped.wait()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m emulators.aws",
        description="An emulated AWS account on 127.0.0.1: a strict ELBv2 and SQS, and moto for EC2, ACM and STS.",
        epilog="Control doors under /_emulator/: journal, counts, faults, clock, quotas, throttle, network, targets, "
        "state.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--port", type=int, default=0, help="port to listen on; 0 is any free one")
    parser.add_argument("--region", default="us-east-1", help="Region of the ready network")
    parser.add_argument("--account-id", default=SERVER_ACCOUNT, help="twelve digits")
    for name, meaning in DELAYS.items():
        parser.add_argument(f"--{name}", type=float, default=0.0, metavar="SECONDS", help=meaning)
    parser.add_argument("--consistency-seed", type=int, metavar="NUMBER", help="draw each consistency delay anew")
    parser.add_argument("--virtual-clock", action="store_true", help="time passes only by POST /_emulator/clock")
    parser.add_argument("--throttle", action="store_true", help="enforce the API rate limits")
    parser.add_argument("--loopback-dns", action="store_true", help="DNSName is the load balancer's loopback address")
    parser.add_argument(
        "--allow-any-certificate", action="store_true", help="take certificates without a qualified name"
    )
    parser.add_argument("--priorities-one-by-one", action="store_true", help="SetRulePriorities is not atomic")
    parser.add_argument("--no-network", action="store_true", help="do not make the ready VPC and subnets")
    return parser


if __name__ == "__main__":
    main()
