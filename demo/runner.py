"""The local runner: routewright's functions driven as Lambda drives them, by queues of the emulated account.

The watcher lists and watches and puts triggers on the FIFO queue; an event source feeds `functions.reconcile`, another
one the forwarder behind the `later` queue.
"""

from __future__ import annotations

import json
import logging
import os
import threading
from pathlib import Path
from typing import Any, Self

import boto3

from emulators.aws.event_source import EventSource
from functions import later, log, reconcile, sweep, watch, wiring
from kube.watch import Lasting

MAX_RECEIVES = 5
VISIBILITY = 30


class Runner:
    """Runs the functions in this process; a context manager."""

    def __init__(self, endpoint_url: str, logs: Path, *, workers: int = 4) -> None:
        client: Any = boto3.client
        self._sqs = client("sqs", endpoint_url=endpoint_url, region_name="us-east-1")
        self._workers = workers
        self._logs = logs
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self._dead = self._queue("routewright-aws-dead.fifo", {"FifoQueue": "true"})
        arn = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        redrive = json.dumps({"deadLetterTargetArn": arn, "maxReceiveCount": str(MAX_RECEIVES)})
        fifo = self._queue(
            "routewright-aws.fifo",
            {"FifoQueue": "true", "RedrivePolicy": redrive, "VisibilityTimeout": str(VISIBILITY)},
        )
        later_url = self._queue("routewright-aws-later", {})
        os.environ |= {"ROUTEWRIGHT_QUEUE_URL": fifo, "ROUTEWRIGHT_LATER_URL": later_url}
        self._to_file()
        wiring.keep(None)
        self._sources = [
            EventSource(
                self._sqs, fifo, reconcile.handler, workers=self._workers, retry_visibility=1, name="reconcile"
            ),
            EventSource(self._sqs, later_url, later.handler, workers=1, name="later"),
        ]
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
        self._watcher.join(5.0)
        wiring.keep(None)
        logging.getLogger().addHandler(logging.NullHandler())  # a watch that ends late has nobody to tell
        logging.getLogger().removeHandler(self._handler)
        self._handler.close()
        for name in ("ROUTEWRIGHT_QUEUE_URL", "ROUTEWRIGHT_LATER_URL"):
            os.environ.pop(name, None)

    def _to_file(self) -> None:
        """Let the functions log into a file: the terminal is the story's."""
        self._handler = logging.FileHandler(self._logs)
        self._handler.setFormatter(log.JsonLines())
        logging.getLogger().addHandler(self._handler)

    def _queue(self, name: str, attributes: dict[str, str]) -> str:
        return str(self._sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])

    def sweep(self) -> str:
        """Run the sweep function once; return its answer as text."""
        answer = sweep.handler({}, None)
        return ", ".join(f"{count} {kind}" for kind, count in sorted(answer.items()) if count) or "nothing"

    def dead_letters(self) -> int:
        """Return the number of messages in the dead-letter queue."""
        names = ["ApproximateNumberOfMessages"]
        found = self._sqs.get_queue_attributes(QueueUrl=self._dead, AttributeNames=names)["Attributes"]
        return int(found["ApproximateNumberOfMessages"])

    def last_words(self) -> str:
        """Return a few words on what the functions did, for errors of the stage."""
        return "; ".join(f"{source.name}: {source.counts}" for source in self._sources)
