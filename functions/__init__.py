"""Entry points: each Lambda function in a file of its own, and `wiring`, where settings become clients."""
