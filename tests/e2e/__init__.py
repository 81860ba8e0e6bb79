import pytest

pytest.register_assert_rewrite("tests.e2e.flow")  # its checks are tests' checks
