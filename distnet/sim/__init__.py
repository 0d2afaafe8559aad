"""Simulation of the scheduler in virtual time: how a policy handles a load."""
