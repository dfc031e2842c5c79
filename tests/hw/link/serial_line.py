# SPDX-License-Identifier: Apache-2.0
"""The other end of a serial line, at any baud rate, not bound to the clock."""


class SerialLine:
    """Send and receive bytes bit by bit.

    Parameters
    ----------
    rx, tx
        The device's pins.
    bit
        Seconds that a bit lasts.
    clock
        Seconds that a clock lasts.
    """

    def __init__(self, rx, tx, *, bit, clock):
        self.rx, self.tx = rx, tx
        self.bit, self.clock = bit, clock
        self.received = bytearray()
        self.broken = 0

    async def send(self, ctx, data, *, stop=1):
        """Send bytes; ``stop`` is the level of their stop bits."""
        for byte in data:
            for level in (0, *(byte >> i & 1 for i in range(8)), stop):
                ctx.set(self.rx, level)
                await ctx.delay(self.bit)
            ctx.set(self.rx, 1)

    async def receive(self, ctx):
        """Collect what comes, with frames without a stop bit counted; a background testbench."""
        while True:
            await ctx.negedge(self.tx)
            await ctx.delay(1.5 * self.bit)
            byte = 0
            for i in range(8):
                byte |= ctx.get(self.tx) << i
                await ctx.delay(self.bit)
            if ctx.get(self.tx):
                self.received.append(byte)
            else:
                self.broken += 1
