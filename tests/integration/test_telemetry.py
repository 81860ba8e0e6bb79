"""The whole app on the local host: what a collector hears of an order that becomes an alert."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from azure.cosmos import CosmosClient
from azure.eventhub import EventData, EventHubProducerClient

from infra.local.stack import Stack
from tests.collectors import FakeCollector, collector
from tests.orders import order_body
from tests.patience import PATIENCE
from tests.stack import FREE_PORTS

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"


def until(heard: FakeCollector, happened: Callable[[], object]) -> None:
    """Wait until the collector has got what was waited for."""
    with heard.arrived:
        assert heard.arrived.wait_for(happened, PATIENCE), sorted(heard.metrics())


def send(settings: dict[str, str]) -> None:
    """An order at less than half its price, with its producer's trace, and one that is none."""
    suspicious = EventData(order_body(order_id="ORDER-4711", charged_price=150))
    suspicious.properties = {"traceparent": f"00-{TRACE}-{SPAN}-01"}
    with EventHubProducerClient.from_connection_string(
        settings["EventHubConnection"], eventhub_name=settings["ORDERS_HUB"]
    ) as producer:
        batch = producer.create_batch(partition_key="Annie Corns")
        batch.add(suspicious)
        batch.add(EventData(b"no order"))
        producer.send_batch(batch)


def trace_of_the_alert(settings: dict[str, str]) -> str:
    client = CosmosClient(settings["COSMOS_ENDPOINT"], settings["COSMOS_KEY"])
    alerts = client.get_database_client(settings["COSMOS_DATABASE"]).get_container_client("alerts")
    trace_id: str = alerts.read_item("ORDER-4711.0", "Annie Corns")["event"]["trace_id"]
    return trace_id


def test_an_order_is_followed_from_its_producer_to_its_alert(tmp_path: Path) -> None:
    with collector() as heard:
        asked = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": heard.endpoint,
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
            "OTEL_BSP_SCHEDULE_DELAY": "500",
        }
        with Stack(tmp_path, FREE_PORTS, settings=asked) as stack:
            send(stack.settings())
            until(heard, lambda: "sheriff.orders.dead_lettered" in heard.metrics())
            until(heard, lambda: any(span.name == "alert" for span in heard.spans()))
            until(heard, lambda: any(span.name == "score batch" for span in heard.spans()))
            assert trace_of_the_alert(stack.settings()) == TRACE
    [alert] = [span for span in heard.spans() if span.name == "alert"]
    batches = {span.span_id: span for span in heard.spans() if span.name == "score batch"}
    assert alert.trace_id.hex() == TRACE
    links = batches[alert.links[0].span_id].links
    assert [(link.trace_id.hex(), link.span_id.hex()) for link in links] == [(TRACE, SPAN)]
    metrics = heard.metrics()
    stores = metrics["sheriff.store.duration"].histogram.data_points
    timed = {point.attributes[0].value.string_value for point in stores}
    assert {"state", "alerts", "dead-letters", "models", "reference"} <= timed
    assert metrics["sheriff.model.age"].gauge.data_points
    assert [word for word in ("ORDER-4711", "Annie Corns", "34477") if word in heard.text()] == []
