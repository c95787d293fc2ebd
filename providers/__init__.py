"""Cloud adapters, one folder a cloud, the same file names in each.

An SDK is imported only when its provider is chosen.
"""
