"""Cloud adapters, one folder a cloud, the same file names in each; an SDK is imported only when its provider is chosen."""
