"""The server over HTTP: who may call (`gate.py`), and a file for each group of routes."""
