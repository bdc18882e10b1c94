"""The honest benchmark: `cases` says what is timed, `timing` how, `operations` how much it is.

Nothing is imported here: `machine.one_blas_thread` must be called before NumPy is loaded.
"""
