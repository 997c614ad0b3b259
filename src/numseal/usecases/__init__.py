"""What Numseal does, one verb a file. Talks to the world through ports only; no gRPC, no SQL, no clock of its own."""
