"""From YAML text to validated values, with file, line and key of every fault."""
