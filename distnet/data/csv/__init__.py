"""CSV files: how they are written, and the tables in them."""
