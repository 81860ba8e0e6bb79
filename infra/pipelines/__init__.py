"""The scripts that steps of Azure Pipelines run, beside YAML templates and shell scripts.

It may import only the standard library: agents run it with their own Python, without packages.
Start reading in `environment.yml`; `what_if.py` decides whether a deployment may go on.
"""
