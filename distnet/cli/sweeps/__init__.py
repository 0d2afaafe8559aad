"""What several commands share about sweeps."""
