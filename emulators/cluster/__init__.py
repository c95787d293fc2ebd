"""A real Kubernetes control plane on a laptop: kube-apiserver, kube-controller-manager, etcd, a kubelet stand-in.

Only the kubelet and the scheduler are ours: each Pod runs as a local process. Everything listens on loopback.
"""
