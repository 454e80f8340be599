"""The audit and legal holds over HTTP."""
