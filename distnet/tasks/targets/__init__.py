"""Learn one target a sample: a class, or numbers."""
