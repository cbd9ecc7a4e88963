"""What turns `docs/` into a site, and writes those of its pages that the code says."""
