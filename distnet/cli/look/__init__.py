"""The panel Look: runs and what they have learned."""
