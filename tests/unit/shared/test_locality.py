"""Protections are off only where the setting says so and no platform hosts the process."""

import pytest

from shared.errors import ConfigurationError
from shared.locality import PLATFORM_SIGNS, is_local, missing, platform_sign, refuse_keys

LOCAL = {"SHERIFF_LOCAL": "on"}


@pytest.mark.parametrize(
    ("environ", "local"),
    [({}, False), ({"SHERIFF_LOCAL": ""}, False), ({"SHERIFF_LOCAL": "off"}, False), (LOCAL, True)],
)
def test_a_machine_is_a_developers_own_only_if_the_setting_is_on(
    environ: dict[str, str], local: bool
) -> None:
    assert is_local(environ) is local


def test_any_other_value_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"^SHERIFF_LOCAL is 'true', expected on or off$"):
        is_local({"SHERIFF_LOCAL": "true"})


@pytest.mark.parametrize("sign", PLATFORM_SIGNS)
def test_the_setting_is_refused_where_a_platform_hosts(sign: str) -> None:
    with pytest.raises(ConfigurationError, match=f"{sign} shows that a platform hosts"):
        is_local(LOCAL | {sign: "1"})


def test_an_empty_variable_is_no_sign_of_a_platform() -> None:
    assert platform_sign({"WEBSITE_SITE_NAME": " "}) is None
    # The Functions Core Tools set it on a developer's machine.
    assert platform_sign({"WEBSITE_HOSTNAME": "localhost:7071"}) is None


def test_keys_are_taken_on_a_developers_own_machine_only() -> None:
    refuse_keys(LOCAL | {"COSMOS_KEY": "secret"}, "COSMOS_KEY")
    refuse_keys({"COSMOS_KEY": ""}, "COSMOS_KEY")
    with pytest.raises(ConfigurationError, match=r"^COSMOS_KEY is set") as refused:
        refuse_keys({"COSMOS_KEY": "secret"}, "BLOB_CONNECTION", "COSMOS_KEY")
    assert "secret" not in str(refused.value)


def test_the_step_for_the_local_stack_is_named_only_where_no_platform_hosts() -> None:
    assert str(missing({"IDENTITY_ENDPOINT": "http://x"}, "ORDERS_HUB")) == "ORDERS_HUB is not set"
    assert "python -m infra.local.stack env" in str(missing({}, "ORDERS_HUB"))
