// SPDX-License-Identifier: Apache-2.0
// What a TRELLIS_FF of the ECP5 does, for simulation: set by LSR in step with the clock, no enable.
// Parameters that ask for more end the simulation.
module TRELLIS_FF #(
    parameter GSR = "ENABLED",
    parameter CEMUX = "CE",
    parameter CLKMUX = "CLK",
    parameter LSRMUX = "LSR",
    parameter REGSET = "RESET",
    parameter SRMODE = "LSR_OVER_CE"
) (
    input CLK, LSR, DI,
    output reg Q
);
    initial begin
        Q = 1'b1;
        if (GSR != "DISABLED" || CEMUX != "1" || CLKMUX != "CLK" || LSRMUX != "LSR" ||
            REGSET != "SET" || SRMODE != "LSR_OVER_CE") begin
            $display("TRELLIS_FF: only registers that LSR sets");
            $fatal;
        end
    end
    always @(posedge CLK)
        if (LSR) Q <= 1'b1;
        else Q <= DI;
endmodule
