"""Generated from protos/numseal/api/operator/v1."""
