# SPDX-License-Identifier: Apache-2.0
"""The CRC of the host link."""

import random
import zlib

from amaranth.sim import Simulator

from dpu_hw.link.serial_crc import SerialCrc


def test_crc_is_that_of_zlib():
    seed = random.randrange(1 << 32)
    print("seed", seed)
    source = random.Random(seed)
    dut = SerialCrc()

    async def main(ctx):
        for count in (0, 1, 2, 5, 30):
            ctx.set(dut.start, 1)
            await ctx.tick()
            ctx.set(dut.start, 0)
            data = source.randbytes(count)
            for byte in data:
                for _ in range(source.randrange(3)):
                    await ctx.tick()
                assert not ctx.get(dut.busy)
                ctx.set(dut.data, byte)
                ctx.set(dut.valid, 1)
                await ctx.tick()
                ctx.set(dut.valid, 0)
                ctx.set(dut.data, source.randrange(256))
                cycles = 0
                while ctx.get(dut.busy):
                    await ctx.tick()
                    cycles += 1
                assert cycles == 8
            assert ctx.get(dut.crc) == zlib.crc32(data)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(main)
    simulator.run()
