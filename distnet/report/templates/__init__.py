"""The HTML templates, and what fills them in."""
