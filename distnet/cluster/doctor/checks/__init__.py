"""The checks, by what they look at. A new one is a function with `@on_node` or `@on_cluster`.

Its name is its id, its docstring says what is so when all is well, and it does nothing but judge.
A fact that it needs is found by a script in `hosts/on_host/`, and is a member of `facts.py`.
"""
