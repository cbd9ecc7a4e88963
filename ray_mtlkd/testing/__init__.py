"""The contracts of all that can be plugged in, as checks for the tests of whoever writes a part.

Each takes a part, draws what it may meet, and raises an AssertionError that says which promise is broken. This
package's own parts are held to the same.
"""

from ray_mtlkd.testing.balancers import check_balancer, draw_signals
from ray_mtlkd.testing.curricula import check_curriculum, draw_facts, draw_verdicts
from ray_mtlkd.testing.encoders import check_encoder
from ray_mtlkd.testing.kinds import check_kind, check_metric
from ray_mtlkd.testing.sharing import check_regularizer, check_sharing

__all__ = [
    "check_balancer",
    "check_curriculum",
    "check_encoder",
    "check_kind",
    "check_metric",
    "check_regularizer",
    "check_sharing",
    "draw_facts",
    "draw_signals",
    "draw_verdicts",
]
