"""The folder of a run: paths, lock, fence, heartbeats, records. No torch, no Ray."""
