"""How every test runs, here and in CI alike."""

import signal

from hypothesis import HealthCheck, settings

# Examples follow from the test alone, so that a verdict says something of the code and nothing of
# luck or of how busy the machine is. `pytest --hypothesis-profile searching` looks for new ones.
settings.register_profile(
    "sheriff", deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile(
    "searching", parent=settings.get_profile("sheriff"), derandomize=False, max_examples=1000
)
settings.load_profile("sheriff")

# Shells start what runs in the background with Ctrl-C ignored, and children inherit that: here
# they must hear it.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
