"""The cluster edge: what the centre's `Cluster` port asks, done on the official `kubernetes` client."""
