"""Give a number in subscribers.json another SIM: python3 swap.py FILE NUMBER."""

import json
import os
import sys
import time
from pathlib import Path

path, number = Path(sys.argv[1]), sys.argv[2]
records = json.loads(path.read_text())
records[number]["imsi"] = str(int(records[number]["imsi"]) + 1)
records[number]["swapped"] = time.time_ns() // 1_000_000_000
fresh = path.with_suffix(f".{os.getpid()}")
fresh.write_text(json.dumps(records))
fresh.replace(path)
