"""The panel Train."""
