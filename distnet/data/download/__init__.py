"""Bring raw files from their publisher or a mirror: resumed, bounded and verified."""
