"""SQS as its developer guide tells it: standard and FIFO queues, dead letters, redrive, on the account's own clock.

moto's SQS is not used: it looks for duplicates whatever their group, forgets them once a message is deleted, has no
message move tasks, and keeps the machine's time. Sources of the numbers: SQS developer guide ("quotas", "FIFO delivery
logic", "exactly-once processing", "dead-letter queue redrive") and API reference.
"""
