"""What an import makes a dataset with: its folder, its splits, the statistics of its fields."""
