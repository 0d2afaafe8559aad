"""Use a trained network: load, predict, export."""
