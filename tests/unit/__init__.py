"""Unit tests: pure Python, no stack, no compiled module, no network.

What needs a compiled module is in tests/abi, what needs a stack in tests/contract.
"""
