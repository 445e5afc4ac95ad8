"""Prometheus metrics of a service, in a registry of its own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from twinlens.service.cached_model import EmbeddingCache

SECONDS = (0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Upper ends of the histogram's buckets."""
BATCHES = (1, 2, 4, 8, 16, 32)


class Metrics:
    """Counts of requests, seconds, batches, cached embeddings and refused uploads; memory of the process."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        one, registry = ["collection"], self.registry
        self.requests = Counter("twinlens_requests", "Requests", ["route", "status"], registry=registry)
        self.seconds = Histogram(
            "twinlens_request_seconds", "Seconds of requests", ["route"], buckets=SECONDS, registry=registry
        )
        self.in_flight = Gauge("twinlens_requests_in_flight", "Requests that are being answered", registry=registry)
        self.batches = Histogram(
            "twinlens_batch_size", "Searches answered in one pass", one, buckets=BATCHES, registry=registry
        )
        self.batch_seconds = Histogram(
            "twinlens_batch_seconds", "Seconds of a pass", one, buckets=SECONDS, registry=registry
        )
        self.hits = Gauge("twinlens_embedding_cache_hits", "Embeddings from the cache", one, registry=registry)
        self.misses = Gauge("twinlens_embedding_cache_misses", "Embeddings by networks", one, registry=registry)
        self.refused = Counter("twinlens_uploads_refused", "Refused uploads", ["status"], registry=registry)

    def observe_batch(self, collection: str, size: int, seconds: float) -> None:
        """Count a pass over a collection."""
        self.batches.labels(collection).observe(size)
        self.batch_seconds.labels(collection).observe(seconds)

    def observe_cache(self, collection: str, cache: EmbeddingCache) -> None:
        """Take over the counts of a cache."""
        self.hits.labels(collection).set(cache.hits)
        self.misses.labels(collection).set(cache.misses)

    def text(self) -> bytes:
        """Return all metrics in Prometheus' text format."""
        return generate_latest(self.registry)
