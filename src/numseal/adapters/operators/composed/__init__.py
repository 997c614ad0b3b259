"""One operator made of several backends: codes by SMPP, state by an HLR, SIM swap by CAMARA."""
