"""Where a stream ends, over a connection that may be lost."""

import pytest

from portcall.runtime.broker import declaring as broker
from portcall.runtime.broker.publisher import Publisher
from portcall.runtime.broker.stream_end import StreamEnd
from portcall.runtime.errors import BrokerError
from portcall.schemas.topology import LOG, topology
from tests.integration.runtime.brokers import running, until_answer


async def test_it_tells_the_offset_of_the_last_message(amqp_url: str) -> None:
    await broker.apply(amqp_url, topology(shards=1, rungs_ms=()))
    end = StreamEnd(amqp_url, name="test end", queue=LOG)
    publisher = Publisher(amqp_url, name="test publisher")
    with pytest.raises(BrokerError):
        await end.offset()
    async with running(end.run(), publisher.run()):

        async def is_empty() -> bool:
            try:
                return await end.offset() is None
            except BrokerError:
                return False

        await until_answer(is_empty)
        for number in range(10):
            await publisher.publish_surely(b"%d" % number, exchange=LOG)

        async def is_ten() -> bool:
            return await end.offset() == 9

        await until_answer(is_ten)


async def test_a_stream_that_is_not_there_is_told(amqp_url: str) -> None:
    end = StreamEnd(amqp_url, name="test end", queue="no.such.stream")
    async with running(end.run()):

        async def is_refused() -> bool:
            try:
                await end.offset()
            except BrokerError as error:
                return "no.such.stream" in str(error)
            return False

        await until_answer(is_refused)
