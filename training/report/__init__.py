"""Makes the report of a night: one HTML page with tables and charts.

May import the rooms that a night has finished with: comparison, learning, history, models, replay.
Start at `page.render`; `content.Report` lists all that the page shows, `gather` collects it.
"""
