"""Where a teacher predicts its train table."""

from ray_mtlkd.sweep.relabel.relabeller import LEAST_FREE_CPUS, Relabeller
from ray_mtlkd.sweep.relabel.shared import SharedActors, start_shared

__all__ = ["LEAST_FREE_CPUS", "Relabeller", "SharedActors", "start_shared"]
