"""Rate limits: a token bucket for each user, address, ... Source: RFC 2697."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

MAX_KEYS = 10_000


@dataclass(slots=True)
class _Bucket:
    tokens: float
    seen_at: float


class RateLimiter:
    """A bucket of tokens for each key; it fills at a constant rate up to its size."""

    def __init__(
        self, per_s: float, *, burst: float, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._per_s = per_s
        self._size = burst
        self._clock = clock
        self._buckets: dict[str, _Bucket] = {}
        self._lock = threading.Lock()

    def take(self, key: str) -> float:
        """Take a token; returns 0, or the seconds until there is one."""
        with self._lock:
            bucket = self._bucket(key)
            if bucket.tokens >= 1:
                bucket.tokens -= 1
                return 0.0
            return (1 - bucket.tokens) / self._per_s

    def give_back(self, key: str) -> None:
        """Put back a token that was not needed."""
        with self._lock:
            bucket = self._bucket(key)
            bucket.tokens = min(self._size, bucket.tokens + 1)

    def _bucket(self, key: str) -> _Bucket:
        now = self._clock()
        bucket = self._buckets.get(key)
        if bucket is None:
            if len(self._buckets) >= MAX_KEYS:
                self._drop_full(now)
            bucket = self._buckets[key] = _Bucket(self._size, now)
        bucket.tokens = min(self._size, bucket.tokens + (now - bucket.seen_at) * self._per_s)
        bucket.seen_at = now
        return bucket

    def _drop_full(self, now: float) -> None:
        """Drop buckets that are full; if too many are left, those not used for longest."""
        filled_in = self._size / self._per_s
        kept = [item for item in self._buckets.items() if now - item[1].seen_at < filled_in]
        kept.sort(key=lambda item: item[1].seen_at)
        self._buckets = dict(kept[-MAX_KEYS // 2 :])
