"""Which samples an epoch has, in which order: one file a kind; see sampler.py."""
