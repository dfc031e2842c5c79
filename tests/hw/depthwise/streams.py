# SPDX-License-Identifier: Apache-2.0
"""Both ends of streams."""


async def send(ctx, stream, payloads, rng=None, rate=1.0):
    for payload in payloads:
        while rng is not None and rng.random() >= rate:
            await ctx.tick()
        ctx.set(stream.payload, payload)
        ctx.set(stream.valid, 1)
        await ctx.tick().until(stream.ready)
        ctx.set(stream.valid, 0)


async def receive(ctx, stream, count, rng=None, rate=1.0):
    payloads = []
    while len(payloads) < count:
        ctx.set(stream.ready, rng is None or rng.random() < rate)
        _, _, transfer, payload = await ctx.tick().sample(
            stream.valid & stream.ready, stream.payload
        )
        if transfer:
            payloads.append(payload)
    ctx.set(stream.ready, 0)
    return payloads
