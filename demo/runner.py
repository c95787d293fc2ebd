"""The local runner: routewright's functions driven as Lambda drives them, by queues of the emulated account.

The watcher lists and watches and puts triggers on the FIFO queue; an event source feeds `functions.reconcile`, another
one the forwarder behind the `later` queue. `python -m demo.runner` is the event sources alone, in a process of its own.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import boto3

from emulators.aws.event_source import EventSource, Handler
from emulators.runtime import Environments, Function
from functions import later, log, reconcile, sweep, watch, wiring
from kube.watch import Lasting

MAX_RECEIVES = 5
VISIBILITY = 30
_THROUGHPUT = {"DeduplicationScope": "messageGroup", "FifoThroughputLimit": "perMessageGroupId"}
"""A high-throughput FIFO queue, whose deduplication ids count within a group only."""
WORKERS = 4


@dataclass(frozen=True, slots=True)
class Queues:
    """The three queues of a deployment, by URL; `visibility`: seconds until a lost message is seen again."""

    sqs: Any
    fifo: str
    later: str
    dead: str
    visibility: int = VISIBILITY

    @classmethod
    def make(cls, endpoint_url: str, visibility: int = VISIBILITY) -> Self:
        """Make the queues, or find those that are there. `visibility`: seconds until a lost message is seen again."""
        client: Any = boto3.client
        sqs = client("sqs", endpoint_url=endpoint_url, region_name="us-east-1")

        def queue(name: str, attributes: dict[str, str]) -> str:
            return str(sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

        dead = queue("routewright-aws-dead.fifo", {"FifoQueue": "true"})
        arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(MAX_RECEIVES)})
        settings = {"FifoQueue": "true", "RedrivePolicy": redrive, "VisibilityTimeout": str(visibility)} | _THROUGHPUT
        return cls(sqs, queue("routewright-aws.fifo", settings), queue("routewright-aws-later", {}), dead, visibility)

    @property
    def environment(self) -> dict[str, str]:
        """What the functions are told of them."""
        return {"ROUTEWRIGHT_QUEUE_URL": self.fifo, "ROUTEWRIGHT_LATER_URL": self.later}

    def sources(self, function: Handler, workers: int = WORKERS, timeout: float | None = None) -> list[EventSource]:
        """Return the event sources of the reconcile function and of the forwarder, not yet started.

        `timeout`: of the function, seconds; as long as a lost message stays hidden unless it is given.
        """
        timeout = timeout or float(self.visibility)
        return [
            EventSource(
                self.sqs, self.fifo, function, workers=workers, timeout=timeout, retry_visibility=1, name="reconcile"
            ),
            EventSource(self.sqs, self.later, later.handler, workers=1, name="later"),
        ]


class Runner:
    """Runs the functions in this process; a context manager.

    With `function` the reconcile function runs in environments of its own, with its timeout and its memory.
    """

    def __init__(
        self, endpoint_url: str, logs: Path, *, workers: int = WORKERS, function: Function | None = None
    ) -> None:
        self._endpoint_url = endpoint_url
        self._workers = workers
        self._logs = logs
        self._stop = threading.Event()
        self._environments = Environments(function, logs) if function else None

    def __enter__(self) -> Self:
        self._queues = Queues.make(self._endpoint_url)
        os.environ |= self._queues.environment
        self._to_file()
        wiring.keep(None)
        handler: Handler = self._environments or reconcile.handler
        seconds = self._environments.function.seconds if self._environments else None
        self._sources = self._queues.sources(handler, self._workers, seconds)
        for source in self._sources:
            source.start()
        lasting = Lasting(stop=self._stop)
        self._watcher = threading.Thread(target=watch.watch_all, args=(wiring.container(), lasting), daemon=True)
        self._watcher.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for source in self._sources:
            source.stop(5.0)
        if self._environments:
            self._environments.close()
        self._watcher.join(5.0)
        wiring.keep(None)
        logging.getLogger().addHandler(logging.NullHandler())  # a watch that ends late has nobody to tell
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        for name in self._queues.environment:
            os.environ.pop(name, None)

    def _to_file(self) -> None:
        """Let the functions log into a file: the terminal is the story's."""
        self._handler = logging.FileHandler(self._logs)
        self._handler.setFormatter(log.JsonLines())
        logging.getLogger().addHandler(self._handler)

    def sweep(self) -> str:
        """Run the sweep function once; return its answer as text."""
        answer = sweep.handler({}, None)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(answer.items()) if count) or "nothing"

    def dead_letters(self) -> int:
        """Return the number of messages in the dead-letter queue."""
        names = ["ApproximateNumberOfMessages"]
        found = self._queues.sqs.get_queue_attributes(QueueUrl=self._queues.dead, AttributeNames=names)["Attributes"]
        return int(found["ApproximateNumberOfMessages"])

    def last_words(self) -> str:
        """Return a few words on what the functions did, for errors of the stage."""
        return "; ".join(f"{source.name}: {source.counts}" for source in self._sources)

    @property
    def environments_ended(self) -> int:
        """How many environments of the reconcile function were ended for their time or memory."""
        return self._environments.ended if self._environments else 0


def main() -> None:
    """Feed the functions from the queues until SIGTERM or SIGINT; settings come from the environment."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    queues = Queues.make(os.environ["AWS_ENDPOINT_URL"], int(os.environ.get("VISIBILITY", VISIBILITY)))
    os.environ |= queues.environment
    sources = queues.sources(reconcile.handler)
    for source in sources:
        source.start()
    stop.wait()
    for source in sources:
        source.stop(5.0)


if __name__ == "__main__":
    main()
