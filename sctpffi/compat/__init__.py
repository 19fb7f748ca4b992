"""Modules with the names of other SCTP packages for Python, over `sctpffi.Socket`, so that their programs run.

One module a package; docs/migration-pysctp.md tells how to go on from there. Nothing of sctpffi itself belongs here.
"""
