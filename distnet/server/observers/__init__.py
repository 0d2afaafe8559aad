"""Those who are told what happens: followers of the feed, webhooks, Prometheus."""
