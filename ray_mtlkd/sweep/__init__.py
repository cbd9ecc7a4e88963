"""Everything that runs on Ray: sweeps, the ways to relabel, and data sets that a kept model labels."""

import os

# Ray reads this as it is imported: without it, the terminal is told of each actor that was ended on purpose while it
# worked, as if something had failed.
os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", "killed by .ray.kill")
