"""What every benchmark of Quartet shares: servers that are started and surely stopped, the load
generator, and a table of ratios with targets. Python's standard library only."""
