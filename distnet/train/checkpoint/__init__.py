"""Checkpoints: written whole or not at all, verified when read; folders and object stores."""
