"""The numbers of other tools, by their rules: computed from arrays when a run is published, one module for each tool."""

from crossprof.store.peers.peer_metric import fill_peer_metric

__all__ = ["fill_peer_metric"]
