"""Where a teacher predicts its train table."""

from ray_mtlkd.sweep.relabel.desk import LEAST_FREE_CPUS, Desk
from ray_mtlkd.sweep.relabel.shared import SharedActors, start_shared

__all__ = ["LEAST_FREE_CPUS", "Desk", "SharedActors", "start_shared"]
