"""What is started: configuration, wiring, the server and the command line. May import everything."""
