"""Learn what comes next in texts."""
