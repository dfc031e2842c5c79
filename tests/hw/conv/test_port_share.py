# SPDX-License-Identifier: Apache-2.0
"""A shared read port."""

import random

from amaranth.sim import Simulator

from dpu_hw.conv.port_share import PortShare


def test_requests_keep_their_place_until_they_are_granted():
    dut = PortShare(lanes=4)
    rand = random.Random(1)

    async def run(ctx):
        waiting, sent, granted = [None, None], 0, []
        pending = None
        for _ in range(500):
            ctx.set(dut.prefer, rand.randrange(2))
            for n in range(2):
                if waiting[n] is None and rand.random() < 0.6:
                    waiting[n] = sent
                    sent += 1
                ctx.set(dut.readers[n].request.valid, waiting[n] is not None)
                ctx.set(dut.readers[n].request.payload, waiting[n] or 0)
            ready = rand.randrange(2)
            ctx.set(dut.port.request.ready, ready)
            valid, address = ctx.get(dut.port.request.valid), ctx.get(dut.port.request.payload)
            assert valid == any(w is not None for w in waiting)
            if pending is not None:
                assert address == pending
            pending = address if valid and not ready else None
            grants = [ctx.get(dut.readers[n].request.ready) for n in range(2)]
            for n in range(2):
                if waiting[n] is not None and grants[n]:
                    assert address == waiting[n]
                    assert ready
                    granted.append(address)
                    waiting[n] = None
            await ctx.tick()
        assert len(granted) > 200
        assert len(set(granted)) == len(granted)

    sim = Simulator(dut)
    sim.add_clock(1e-6)
    sim.add_testbench(run)
    sim.run()
