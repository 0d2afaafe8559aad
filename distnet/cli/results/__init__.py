"""The panel Results: runs and what they have learned."""
