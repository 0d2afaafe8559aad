"""`distnet doctor`: what is wrong with a machine or a cluster, and what to do about it.

    facts of nodes, links, exchange, storage  ->  checks, pure functions  ->  findings

Facts come from this machine, from hosts over ssh, or from the nodes of a running Ray.
"""
