"""What a laptop has in place of the clouds and the cluster.

Used by demo and tests, shipped to nobody, and knowing nothing of the product.
"""
