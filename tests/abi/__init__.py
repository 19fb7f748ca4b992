"""Tests of everything that is compiled: constants, struct layouts, prototypes and the cross build.

The compiler is the authority: each number is asked of the stack's own header, none is repeated here.
"""
