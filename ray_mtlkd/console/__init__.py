"""How people are shown what goes on: on a terminal, in a notebook, and as plain lines elsewhere."""
