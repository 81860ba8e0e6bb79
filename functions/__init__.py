"""Azure Functions: the triggers and handlers around the core, and nothing that computes.
They may import `shared`, `azure.functions` in the trigger files, and OpenTelemetry in `telemetry`.
Start reading at `score_orders` (the trigger), then `handlers.score_batch`, then `judgement.judge`.
"""
