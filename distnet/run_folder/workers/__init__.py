"""What workers write beside the records: heartbeats, their nodes, what they used."""
