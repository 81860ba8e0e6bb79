"""What the steps of Azure Pipelines run; the YAML templates and shell scripts are beside it.

It may import only the standard library: agents run it with their own Python, without packages.
Start reading in `environment.yml`; `what_if.py` decides whether a deployment may go on.
"""
