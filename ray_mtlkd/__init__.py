"""Find out which multitask strategy serves your tasks best, on a laptop or on a Ray cluster."""
