"""Generated from protos/numseal/api/verification/v1."""
