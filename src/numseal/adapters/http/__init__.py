"""The public files over HTTP: the log's checkpoint, tiles and entries (C2SP tlog-tiles), and the public keys."""
