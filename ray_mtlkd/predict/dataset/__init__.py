"""Columns for a Parquet data set of any size: labels by a kept model, or vectors by an encoder; only `pool` knows Ray.

The files are cut into parts (`source`), each of which becomes one file (`output`). A part depends on its rows, on who
makes it (`labelling`, `embedding`) and on settings alone: neither the number of actors nor an interruption shows.
"""
