"""Azure Event Hubs on one machine: AMQP 1.0 over TCP, as much of it as the SDKs need.

It may import only `shared` and, for Capture, Blob Storage; the stack and tests run it. Start in
`server.py`, then read `connection.py` (a client's frames) and `hubs.py` (partitions and readers).

It has no TLS, no AMQP over WebSocket, no Kafka and no throttling, and it accepts every token. It
does not keep a message's header section (priority, durable) or its delivery annotations.
`capture.py` does Capture.

A refused reader (no such consumer group, a place beyond the end) gets the service's answer. The
Event Hubs SDK for Python then connects again, for ever and silently, and so does a function app on
the local host. `functions.watch_hub` notices it.
"""

from infra.local.eventhubs.hubs import HubSpec
from infra.local.eventhubs.server import Emulator

__all__ = ["Emulator", "HubSpec"]
