"""Talk to a server, from the command line and from Python. Imports neither torch nor Ray."""
