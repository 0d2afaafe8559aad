"""Which samples an epoch has, in which order: see sampler.py. One file a kind."""
