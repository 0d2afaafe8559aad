"""Samples: sources, Parquet shards and their manifest, order, batches."""
