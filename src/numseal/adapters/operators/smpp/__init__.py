"""An operator reached through its SMSCs: codes by SMPP 3.4, delivery by its receipts. No other question is answered."""
