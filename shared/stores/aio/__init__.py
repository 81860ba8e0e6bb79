"""The async clients, which the functions use; training uses the synchronous ones one folder up.

It may import what `shared.stores` may. Start with `cosmos`.
"""

from azure.core.settings import settings as sdk_settings

# The SDKs' own spans carry URLs, and the URL of an alert names its order.
sdk_settings.tracing_enabled = False
