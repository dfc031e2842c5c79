// SPDX-License-Identifier: Apache-2.0
// What a MULT18X18 of Gowin's GW1N and GW2A does (UG287), for simulation: no cascades, and a
// synchronous reset. Parameters and pins that ask for more end the simulation.
module MULT18X18 #(
    parameter AREG = 1'b0,
    parameter BREG = 1'b0,
    parameter OUT_REG = 1'b0,
    parameter PIPE_REG = 1'b0,
    parameter ASIGN_REG = 1'b0,
    parameter BSIGN_REG = 1'b0,
    parameter SOA_REG = 1'b0,
    parameter MULT_RESET_MODE = "SYNC"
) (
    input [17:0] A, B, SIA, SIB,
    input ASIGN, BSIGN, ASEL, BSEL, CE, CLK, RESET,
    output [35:0] DOUT
);
    initial begin
        if (MULT_RESET_MODE != "SYNC") $fatal(1, "MULT18X18: only a synchronous reset is modelled");
        if (SOA_REG) $fatal(1, "MULT18X18: no cascade is modelled");
    end
    always @(ASEL, BSEL) if (ASEL || BSEL) $fatal(1, "MULT18X18: no cascade is modelled");

    reg [17:0] a_register = 0, b_register = 0;
    reg a_sign_register = 0, b_sign_register = 0;
    reg [35:0] pipeline = 0, result = 0;

    wire [17:0] a = AREG ? a_register : A;
    wire [17:0] b = BREG ? b_register : B;
    wire a_sign = ASIGN_REG ? a_sign_register : ASIGN;
    wire b_sign = BSIGN_REG ? b_sign_register : BSIGN;
    wire [35:0] product = {{18{a_sign & a[17]}}, a} * {{18{b_sign & b[17]}}, b};
    wire [35:0] multiplied = PIPE_REG ? pipeline : product;

    always @(posedge CLK) begin
        if (RESET)
            {a_register, b_register, a_sign_register, b_sign_register, pipeline, result} <= 0;
        else if (CE) begin
            a_register <= A;
            b_register <= B;
            a_sign_register <= ASIGN;
            b_sign_register <= BSIGN;
            pipeline <= product;
            result <= multiplied;
        end
    end

    assign DOUT = OUT_REG ? result : multiplied;
endmodule
