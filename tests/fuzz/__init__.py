"""Tests with values that nobody thought of: properties over the compiled modules, and decoders under a sanitizer.

The only tests that need hypothesis. What a value means is tested elsewhere; here nothing may crash or hang.
"""
