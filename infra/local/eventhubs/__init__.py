"""Azure Event Hubs on one machine: AMQP 1.0 over TCP, as much as its SDKs ask for.

`python -m infra.local.eventhubs --help` runs it; tests start an `Emulator` in their own process.
No TLS, no AMQP over WebSocket, no Kafka, no throttling; tokens are accepted unseen. Capture is in
`infra.local.capture`.
"""

from infra.local.eventhubs.hubs import HubSpec
from infra.local.eventhubs.server import Emulator

__all__ = ["Emulator", "HubSpec"]
