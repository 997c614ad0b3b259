"""The soak: the kills of tests/faults/test_kill_server.py at length. Nothing of it is part of the package."""
