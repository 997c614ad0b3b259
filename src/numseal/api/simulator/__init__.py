"""Versions of the package numseal.api.simulator."""
