"""Observers of events: the feed that passes them on, webhooks, Prometheus."""
