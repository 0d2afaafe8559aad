"""Use what was learned: load, predict, export."""
