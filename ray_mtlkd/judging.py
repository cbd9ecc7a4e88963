"""What a search space may say of how its report judges: read by those who check it, and by those who report."""

from ray_mtlkd.decode import document
from ray_mtlkd.ranges import PositiveFloat


@document
class Judging:
    """How a report judges.

    Attributes:
        margin: Points of skill (of 100) within which two strategies are as good as each other.
    """

    margin: PositiveFloat = 0.5
