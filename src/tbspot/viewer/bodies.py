"""Bodies of requests, taken only as long as they arrive.

Takes what a sender sends; gives the same, or says that it does not come. What is done with it is
left to drops.py and storing.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterable, AsyncIterator

__all__ = ["CLOSE", "TooLargeError", "TooSlowError", "paced", "small"]

# Seconds in which something must arrive; and all must have, besides what it takes at a megabyte a
# second, less than any network that a page is used over.
GRACE, SLOWEST = 30.0, 1_000_000


# Whose body was not taken to its end is not listened to any longer.
CLOSE = {"Connection": "close"}


class TooLargeError(Exception):
    """More arrives than is taken."""


class TooSlowError(Exception):
    """A body does not arrive."""


async def paced(
    content: AsyncIterable[bytes], grace: float = GRACE, slowest: float = SLOWEST
) -> AsyncIterator[bytes]:
    """Give a body's parts; the time that their taker needs is not its sender's.

    Args:
        content: of the body.
        grace: seconds that may pass without anything, and in all beyond what `slowest` allows.
        slowest: bytes a second.

    Raises:
        TooSlowError: it does not arrive.
    """
    now = asyncio.get_running_loop().time
    parts, waited, length = aiter(content), 0.0, 0
    while True:
        start = now()
        try:
            async with asyncio.timeout(min(grace, grace + length / slowest - waited)):
                part = await anext(parts)
        except StopAsyncIteration:
            return
        except TimeoutError as error:
            raise TooSlowError from error
        waited, length = waited + now() - start, length + len(part)
        yield part


async def small(content: AsyncIterable[bytes], most: int) -> bytes:
    """A body that is whole in memory.

    Raises:
        TooLargeError: it has more bytes than `most`.
        TooSlowError: it does not arrive.
    """
    taken = bytearray()
    async for part in paced(content):
        if len(taken) + len(part) > most:
            raise TooLargeError
        taken += part
    return bytes(taken)
