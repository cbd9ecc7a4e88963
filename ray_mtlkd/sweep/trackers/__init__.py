"""A sweep's trials in trackers of runs, from the process that drives it."""
