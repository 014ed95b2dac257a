"""Kernels: everything that numba compiles, and nothing else.

A kernel that other rooms call with arrays of any kind has a Python function in front of it, which
brings the arguments to the one type that the kernel is compiled for.
"""
