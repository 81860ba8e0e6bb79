// A second Event Hubs client, independent of the Python SDK: npm @azure/event-hubs.
//
//   node eventhubs_client.js CONNECTION HUB COMMAND [JSON]
//
// Prints one JSON document. NODE_PATH must lead to infra/local/node_modules.
"use strict";

const {
  EventHubBufferedProducerClient,
  EventHubConsumerClient,
  EventHubProducerClient,
  earliestEventPosition,
} = require("@azure/event-hubs");

const [connection, hub, command, json = "{}"] = process.argv.slice(2);
const options = JSON.parse(json);

// {key, bodies}: one batch.
async function send() {
  const producer = new EventHubProducerClient(connection, hub);
  const batch = await producer.createBatch({ partitionKey: options.key });
  for (const body of options.bodies) {
    if (!batch.tryAdd({ body, properties: { from: "js" } })) throw new Error("does not fit");
  }
  await producer.sendBatch(batch);
  await producer.close();
  return { sent: options.bodies.length };
}

// {keys}: an event for each; this client chooses the partitions itself.
async function sendBuffered() {
  const errors = [];
  const producer = new EventHubBufferedProducerClient(connection, hub, {
    onSendEventsErrorHandler: async ({ error }) => errors.push(error.message),
    maxWaitTimeInMs: 20,
  });
  for (const key of options.keys) await producer.enqueueEvent({ body: key }, { partitionKey: key });
  await producer.close({ flush: true });
  return { errors };
}

// {count}: that many events, from the beginning.
async function receive() {
  const consumer = new EventHubConsumerClient("$Default", connection, hub);
  const events = [];
  const error = await new Promise((resolve) => {
    const subscription = consumer.subscribe(
      {
        processEvents: async (received, context) => {
          for (const event of received) {
            events.push({
              body: event.body,
              key: event.partitionKey,
              sequence: event.sequenceNumber,
              offset: event.offset,
              partition: context.partitionId,
              properties: event.properties,
            });
          }
          if (events.length >= options.count) resolve(null);
        },
        processError: async (problem) => resolve(problem.message),
      },
      { startPosition: earliestEventPosition, maxWaitTimeInSeconds: 1 },
    );
    options.subscription = subscription;
  });
  await options.subscription.close();
  await consumer.close();
  return { events, error };
}

async function properties() {
  const producer = new EventHubProducerClient(connection, hub);
  const about = await producer.getEventHubProperties();
  const partitions = [];
  for (const id of about.partitionIds) partitions.push(await producer.getPartitionProperties(id));
  await producer.close();
  return { name: about.name, partitionIds: about.partitionIds, partitions };
}

({ send, sendBuffered, receive, properties })
  [command]()
  .then((result) => console.log(JSON.stringify(result)))
  .catch((error) => {
    console.error(error);
    process.exitCode = 1;
  });
