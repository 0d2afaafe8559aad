"""A server from outside: for the command line and for Python. Imports neither torch nor Ray."""
