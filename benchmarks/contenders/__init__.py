"""The programs that are compared. Each sends, receives or does both, by the arguments of a job, and prints JSON lines.

Nothing here starts another or knows with whom it is compared. driver.py has what all Python contenders share, driver.h
the same for those in C.
"""
