"""Makes the modules of this folder known to the tests in all others."""
