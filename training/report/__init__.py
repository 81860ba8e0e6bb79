"""Makes the report of a night: one HTML page with tables and charts.

May import comparison, history, learning, models and replay, whose results it shows.
Start at `page.render`; `content.Report` lists all that the page shows, `gather` collects it.
"""
