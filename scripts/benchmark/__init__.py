"""The bench: loads Numseal and a bare echo server alternately, and compares. Nothing of it is part of the package."""
