"""Kernels: everything that numba compiles, and nothing else."""
