"""The panel Cluster: bring up, look at and end clusters."""
