"""Answers to queries: jobs, nodes, explanations, as the API shows them."""
