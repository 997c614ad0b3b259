"""Generated from protos/numseal/api/admin/v1."""
