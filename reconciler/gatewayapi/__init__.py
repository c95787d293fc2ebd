"""The Gateway API specification, executable.

Guarantees to its callers:

- everything in a `Graph` is validated and connected: no caller checks a reference again;
- a user's mistake is a `Problem` value in the graph, never an exception;
- the order of the input objects never matters.
"""
