"""Folders of recordings: what their names say, which split they belong to."""
