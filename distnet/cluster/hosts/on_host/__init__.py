"""What is sent to hosts and runs there, before and without an installed distnet.

Plain Python 3.11 without packages; the modules import one another only. `hosts/script.py` sends
them.
"""
