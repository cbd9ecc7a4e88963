"""Ray itself: the connection, what workers are told, and what Ray says. Imported before Ray is."""

from ray_mtlkd.cluster.ray_private import leave_ended_actors_untold, leave_widgets_unasked_for

leave_ended_actors_untold()
leave_widgets_unasked_for()
