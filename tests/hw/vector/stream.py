# SPDX-License-Identifier: Apache-2.0
"""Ends of streams for testbenches."""


async def feed(ctx, stream, payloads, rng, rate=1.0):
    """Send all payloads, each offered with probability ``rate`` in a cycle."""
    for payload in payloads:
        while rng.random() >= rate:
            await ctx.tick()
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)


async def drain(ctx, stream, count, rng, rate=1.0):
    """Take ``count`` payloads, ready with probability ``rate`` in a cycle.

    Returns them with the cycles of their transfers. Checks that what is offered stays.
    """
    taken = []
    held = None
    cycle = 0
    while len(taken) < count:
        ready = int(rng.random() < rate)
        ctx.set(stream.ready, ready)
        _, _, valid, payload = await ctx.tick().sample(stream.valid, stream.payload)
        assert held is None or (valid and payload == held)
        held = payload if valid and not ready else None
        if valid and ready:
            taken.append((cycle, payload))
        cycle += 1
        assert cycle < 100 * (count + 10)
    ctx.set(stream.ready, 0)
    return taken
