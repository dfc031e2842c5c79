# SPDX-License-Identifier: Apache-2.0
"""Several AXI4 masters on one slave."""

from amaranth import *
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from dpu_hw.axi import Axi4ReadSignature, Axi4Signature, Axi4WriteSignature

__all__ = ["Arbiter", "ReadArbiter", "WriteArbiter"]

#: Bursts of one master that may be under way at a time.
_OUTSTANDING = 15


def _address(prefix, port):
    """Return the parts of a request that travel with its valid bit."""
    names = ("addr", "len", "size", "burst", "cache", "prot")
    return Cat(getattr(port, prefix + name) for name in names)


class _Grant(wiring.Component):
    """Decide whose requests pass: round robin, changing only while nothing is under way.

    A master that has requests under way goes on until another one wants its turn.
    """

    def __init__(self, *, masters):
        self._masters = masters
        super().__init__(
            {
                "want": In(masters),
                "begin": In(1),
                "end": In(1),
                "owner": Out(range(masters)),
                "open": Out(1),
                "under_way": Out(range(_OUTSTANDING + 1)),
            }
        )

    def elaborate(self, platform):
        m = Module()
        others = self.want & ~(1 << self.owner)[: self._masters]
        m.d.comb += self.open.eq(
            (self.under_way != _OUTSTANDING) & ~((self.under_way != 0) & others.any())
        )
        m.d.sync += self.under_way.eq(self.under_way + self.begin - self.end)
        with m.If((self.under_way == 0) & ~self.begin & others.any()):
            with m.Switch(self.owner):
                for owner in range(self._masters):
                    with m.Case(owner):
                        # The last assignment wins: the next master in turn.
                        for step in range(self._masters - 1, 0, -1):
                            candidate = (owner + step) % self._masters
                            with m.If(self.want[candidate]):
                                m.d.sync += self.owner.eq(candidate)
        return m


class _Requests(wiring.Component):
    """Hold one request for the slave, so that a granted one stays as AXI4 demands."""

    def __init__(self, *, width):
        self._width = width
        super().__init__(
            {
                "i_valid": In(1),
                "i_ready": Out(1),
                "i": In(width),
                "o_valid": Out(1),
                "o_ready": In(1),
                "o": Out(width),
            }
        )

    def elaborate(self, platform):
        m = Module()
        m.d.comb += self.i_ready.eq(~self.o_valid | self.o_ready)
        with m.If(self.i_ready):
            m.d.sync += [self.o_valid.eq(self.i_valid), self.o.eq(self.i)]
        return m


class _Channels(wiring.Component):
    """What both directions share: the grant, and the address channel."""

    def __init__(self, *, prefix, signature, masters):
        self._prefix = prefix
        self._masters = masters
        super().__init__({"masters": In(signature).array(masters), "slave": Out(signature)})

    def _arbitrate(self, m, end):
        """Wire the address channel; return the grant and the acceptance of a request."""
        prefix = self._prefix
        m.submodules.grant = grant = _Grant(masters=self._masters)
        slave = _address(prefix, self.slave)
        m.submodules.requests = requests = _Requests(width=len(slave))
        begin = Signal()
        m.d.comb += [
            slave.eq(requests.o),
            getattr(self.slave, prefix + "valid").eq(requests.o_valid),
            requests.o_ready.eq(getattr(self.slave, prefix + "ready")),
            grant.want.eq(Cat(getattr(master, prefix + "valid") for master in self.masters)),
            begin.eq(requests.i_valid & requests.i_ready),
            grant.begin.eq(begin),
            grant.end.eq(end),
        ]
        with m.Switch(grant.owner):
            for index, master in enumerate(self.masters):
                with m.Case(index):
                    m.d.comb += [
                        requests.i.eq(_address(prefix, master)),
                        requests.i_valid.eq(getattr(master, prefix + "valid") & grant.open),
                        getattr(master, prefix + "ready").eq(requests.i_ready & grant.open),
                    ]
        return grant, begin


class ReadArbiter(_Channels):
    """Let one of several masters read at a time; a request passes a cycle after it is accepted.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data buses in bytes.
    masters : :class:`int`
        Number of masters.

    Members
    -------
    masters : :py:`In(Axi4ReadSignature(data_bytes=data_bytes)).array(masters)`
    slave : :py:`Out(Axi4ReadSignature(data_bytes=data_bytes))`
    """

    def __init__(self, *, data_bytes, masters):
        signature = Axi4ReadSignature(data_bytes=data_bytes)
        super().__init__(prefix="ar", signature=signature, masters=masters)

    def elaborate(self, platform):
        m = Module()
        slave = self.slave
        end = Signal()
        m.d.comb += end.eq(slave.rvalid & slave.rready & slave.rlast)
        grant, _ = self._arbitrate(m, end)
        for index, master in enumerate(self.masters):
            mine = grant.owner == index
            m.d.comb += [
                master.rvalid.eq(slave.rvalid & mine),
                master.rdata.eq(slave.rdata),
                master.rresp.eq(slave.rresp),
                master.rlast.eq(slave.rlast),
            ]
            with m.If(mine):
                m.d.comb += slave.rready.eq(master.rready)
        return m


class WriteArbiter(_Channels):
    """Let one of several masters write at a time; a request passes a cycle after it is accepted.

    Data passes once its request was accepted.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data buses in bytes.
    masters : :class:`int`
        Number of masters.

    Members
    -------
    masters : :py:`In(Axi4WriteSignature(data_bytes=data_bytes)).array(masters)`
    slave : :py:`Out(Axi4WriteSignature(data_bytes=data_bytes))`
    """

    def __init__(self, *, data_bytes, masters):
        signature = Axi4WriteSignature(data_bytes=data_bytes)
        super().__init__(prefix="aw", signature=signature, masters=masters)

    def elaborate(self, platform):
        m = Module()
        slave = self.slave
        end = Signal()
        m.d.comb += end.eq(slave.bvalid & slave.bready)
        grant, begin = self._arbitrate(m, end)
        # Bursts whose data hasn't all passed.
        owed = Signal(range(_OUTSTANDING + 1))
        passing = Signal()
        m.d.comb += passing.eq(owed != 0)
        m.d.sync += owed.eq(owed + begin - (slave.wvalid & slave.wready & slave.wlast))
        for index, master in enumerate(self.masters):
            mine = grant.owner == index
            with m.If(mine):
                m.d.comb += [
                    slave.wvalid.eq(master.wvalid & passing),
                    slave.wdata.eq(master.wdata),
                    slave.wstrb.eq(master.wstrb),
                    slave.wlast.eq(master.wlast),
                    master.wready.eq(slave.wready & passing),
                    slave.bready.eq(master.bready),
                    master.bvalid.eq(slave.bvalid),
                ]
            m.d.comb += master.bresp.eq(slave.bresp)
        return m


class Arbiter(wiring.Component):
    """Several AXI4 masters on one slave, reads and writes each for themselves.

    Parameters
    ----------
    data_bytes : :class:`int`
        Width of the data buses in bytes.
    masters : :class:`int`
        Number of masters.

    Members
    -------
    masters : :py:`In(Axi4Signature(data_bytes=data_bytes)).array(masters)`
    slave : :py:`Out(Axi4Signature(data_bytes=data_bytes))`
    """

    def __init__(self, *, data_bytes, masters):
        if not isinstance(masters, int) or masters < 1:
            raise ValueError(f"An arbiter needs one master or more, not {masters!r}")
        self._data_bytes = data_bytes
        self._masters = masters
        signature = Axi4Signature(data_bytes=data_bytes)
        super().__init__({"masters": In(signature).array(masters), "slave": Out(signature)})

    def elaborate(self, platform):
        m = Module()
        sizes = {"data_bytes": self._data_bytes, "masters": self._masters}
        for part in (ReadArbiter(**sizes), WriteArbiter(**sizes)):
            m.submodules += part
            for own, inner in zip(self.masters, part.masters, strict=True):
                _join(m, own, inner, part.slave.signature)
            _join(m, part.slave, self.slave, part.slave.signature)
        return m


def _join(m, master, slave, signature):
    """Connect the members that one direction has."""
    for name, member in signature.members.items():
        source, sink = (master, slave) if member.flow is Out else (slave, master)
        m.d.comb += getattr(sink, name).eq(getattr(source, name))
