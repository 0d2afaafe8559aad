"""Launch on Ray: start or join one, place workers, run them under Ray Train."""
