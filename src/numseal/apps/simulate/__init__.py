"""A simulated population and its attackers, played through a real server: what `numseal simulate` runs and measures."""
