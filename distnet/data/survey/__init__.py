"""What an import finds in its samples, and the table that it prints."""
