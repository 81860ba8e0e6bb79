"""Checks of what is deployed, without Azure: templates, parameters, pipeline; used by tests."""
