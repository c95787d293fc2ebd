"""AWS: a Gateway becomes an Application Load Balancer, its rules, target groups, certificates and security group.

`render`, `packing`, `plan`, `names` and `resources` are pure and import no SDK; `observe` reads, `apply` writes.
"""
