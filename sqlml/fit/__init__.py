"""From rows to a fitted model: reading, splitting, preprocessing, algorithms, search and comparison.

Nothing here knows a database. Import from the modules; a library that fits is loaded when it is first used.
"""
