"""What the tests call of the routines that sqlml puts into a database: seen by a run, judged at the end of it.

``pytest --routines FOLDER`` leaves in the folder what its processes have seen; ``python -m routines FOLDER`` makes the
report of it, and fails where a routine has no test.
"""
