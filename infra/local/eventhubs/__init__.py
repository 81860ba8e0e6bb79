"""Azure Event Hubs on one machine: AMQP 1.0 over TCP, as much as its SDKs ask for.

`python -m infra.local.eventhubs --help` runs it; tests start an `Emulator` in their own process.
No TLS, no AMQP over WebSocket, no Kafka, no throttling; tokens are accepted unseen. A message's
header section (priority, durable) and its delivery annotations are not kept. Capture is in
`infra.local.capture`.

A reader that is refused (no such consumer group, a place beyond the end) is told so as the service
tells it. The Event Hubs SDK for Python takes that for a connection to try again, for ever and
without a word, and so does a function app on the local host: `functions.watch_hub` sees it.
"""

from infra.local.eventhubs.hubs import HubSpec
from infra.local.eventhubs.server import Emulator

__all__ = ["Emulator", "HubSpec"]
