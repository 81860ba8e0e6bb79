"""The pure core: what an order is, what explains its charge, what is suspicious, what to store.

It imports the standard library, numpy and msgspec only, and knows no clock, network or file store.
Start with `order`, then `scoring`. Names end in their unit: `_e4` is ten-thousandths of the
currency, `_bp` basis points (hundredths of a percent), `_e8` a product of the two.
"""
