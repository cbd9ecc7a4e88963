"""Which tasks belong together in one model: a search for the best split of them, and what it is worth."""
