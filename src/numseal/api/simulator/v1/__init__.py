"""Generated from protos/numseal/api/simulator/v1."""
