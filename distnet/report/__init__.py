"""Run folders as figures, pages and comparisons. Imports neither torch nor Ray."""
