"""Relabelling of a Parquet data set of any size by a kept model; only `pool` knows Ray.

The files are cut into parts (`source`), each of which becomes one file of labels (`labels`, `output`). A part depends
on its rows, the teacher and the settings alone, so that neither the number of actors nor an interruption shows.
"""
