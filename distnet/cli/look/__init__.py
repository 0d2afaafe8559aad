"""The panel Look."""
