"""docs/performance.md, made of the newest results and of nothing else."""
