"""An operator's subscribers as its OsmoHLR knows them, asked over the CTRL interface of that HLR.

`ctrl` and `record` are the protocol, without a socket; `connection` and `pool` carry it; `signals` says what a record
tells about a subscriber; `backend` answers the operator's contract with it.
"""
