"""Which addresses are connected: public ones, unless a root names the host; what was checked is what is connected."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import httpcore2
import pytest

from listener.errors import DocumentError
from listener.sources.http.reach import Reach, is_public


@pytest.mark.parametrize(
    "address",
    ["93.184.216.34", "8.8.8.8", "172.15.0.1", "100.128.0.1", "2606:2800:220:1::1", "2a00:1450::1", "64:ff9b::808:808"],
)
def test_addresses_of_the_internet_are_public(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.1.2.3",
        "0.0.0.0",
        "10.1.2.3",
        "172.16.0.1",
        "172.31.255.255",
        "192.168.1.1",
        "169.254.169.254",
        "100.100.100.200",
        "168.63.129.16",
        "192.0.0.192",
        "198.18.0.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "fe80::1",
        "fe80::1%eth0",
        "fc00::1",
        "fd00:ec2::254",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "2002:7f00:1::",
        "2001:0:1::",
        "2001:db8::1",
        "fec0::1",
    ],
)
def test_addresses_of_ones_own_network_are_not(address: str) -> None:
    assert not is_public(address)


class Names:
    """Answers look-ups, one after the other."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked = 0

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked += 1
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def test_a_host_whose_addresses_are_all_private_is_refused_and_not_connected() -> None:
    reach = Reach(frozenset(), Names(["10.0.0.1", "::1"]))
    with pytest.raises(DocumentError) as caught:
        await reach.connect_tcp("inside.example", 80)
    assert caught.value.code == "private_address"
    assert "10.0.0.1" in caught.value.message
    assert caught.value.hint


async def test_of_several_addresses_the_private_ones_are_left_out() -> None:
    reach = Reach(frozenset(), Names(["127.0.0.1", "93.184.216.34", "fd00:ec2::254"]))
    assert await reach.addresses("mixed.example", 443) == ["93.184.216.34"]


async def test_a_host_that_a_root_names_may_have_any_address_at_that_port_alone() -> None:
    reach = Reach(frozenset({("inside.example", 8080)}), Names(["10.0.0.1"]))
    assert await reach.addresses("inside.example", 8080) == ["10.0.0.1"]
    with pytest.raises(DocumentError):
        await reach.addresses("inside.example", 80)
    with pytest.raises(DocumentError):
        await reach.addresses("other.example", 8080)


async def test_the_address_that_was_looked_at_is_connected_and_no_name_is_looked_up_again() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    names = Names(["127.0.0.1"], ["10.255.255.1"])
    stream = await Reach(frozenset({("rebinds.example", port)}), names).connect_tcp("rebinds.example", port, 5)
    assert stream.get_extra_info("server_addr")[:2] == ("127.0.0.1", port)
    assert names.asked == 1
    await stream.aclose()
    server.close()


async def test_the_next_address_is_tried_when_one_does_not_answer() -> None:
    server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    names = Names(["127.9.9.9", "127.0.0.1"])
    stream = await Reach(frozenset({("two.example", port)}), names).connect_tcp("two.example", port, 5)
    assert stream.get_extra_info("server_addr")[0] == "127.0.0.1"
    await stream.aclose()
    server.close()


async def test_a_name_that_nobody_knows_is_no_connection() -> None:
    async def unknown(host: str, port: int) -> Sequence[str]:
        raise OSError("Name or service not known")

    with pytest.raises(httpcore2.ConnectError):
        await Reach(frozenset(), unknown).connect_tcp("nowhere.example", 80)
