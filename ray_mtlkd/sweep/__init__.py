"""Sweeps: search spaces, trials on Ray Tune, the ways to relabel, and the folder that all of it goes to."""
