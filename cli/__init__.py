"""The `routewright` command: reads, asks the centre, prints. No logic of its own."""
