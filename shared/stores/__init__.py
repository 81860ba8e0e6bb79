"""The adapters of Blob Storage, Cosmos DB and Event Hubs: the one part of `shared` that does I/O.

It may import the rest of `shared` and the data SDKs; the rest of `shared` never imports it.
Start with `error_translation`, then `blobs` and `cosmos`; `aio` has the async clients.
"""
