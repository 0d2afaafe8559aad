"""The HTTP API and the page: two layers around the routes, `boundary.py` and `access.py`."""
