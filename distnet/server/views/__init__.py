"""Responses: the state of the server as users see it."""
