"""Every tensor of a network, found once, and what must hold of them."""
