"""The scheduler in virtual time: what a policy does with a load, before anybody has to wait."""
