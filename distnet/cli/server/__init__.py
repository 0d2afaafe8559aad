"""The panel Server: run, use and administer a server."""
