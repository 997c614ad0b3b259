"""The gRPC door: authenticates callers, translates messages to domain values and back, and refusals to gRPC errors."""
