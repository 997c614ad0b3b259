"""Generated from protos/numseal/api/transparency/v1."""
