// SPDX-License-Identifier: Apache-2.0
// What a MULT18X18D of the ECP5 does (Lattice FPGA-TN-02205), for simulation: no cascades, no operand C,
// and one clock, enable and reset. Parameters that ask for more end the simulation.
module MULT18X18D #(
    parameter REG_INPUTA_CLK = "NONE",
    parameter REG_INPUTA_CE = "CE0",
    parameter REG_INPUTA_RST = "RST0",
    parameter REG_INPUTB_CLK = "NONE",
    parameter REG_INPUTB_CE = "CE0",
    parameter REG_INPUTB_RST = "RST0",
    parameter REG_INPUTC_CLK = "NONE",
    parameter REG_PIPELINE_CLK = "NONE",
    parameter REG_PIPELINE_CE = "CE0",
    parameter REG_PIPELINE_RST = "RST0",
    parameter REG_OUTPUT_CLK = "NONE",
    parameter REG_OUTPUT_CE = "CE0",
    parameter REG_OUTPUT_RST = "RST0",
    parameter CLK0_DIV = "ENABLED",
    parameter GSR = "ENABLED",
    parameter SOURCEB_MODE = "B_SHIFT",
    parameter MULT_BYPASS = "DISABLED",
    parameter RESETMODE = "SYNC"
) (
    input A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0,
    input B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0,
    input C17, C16, C15, C14, C13, C12, C11, C10, C9, C8, C7, C6, C5, C4, C3, C2, C1, C0,
    input SIGNEDA, SIGNEDB, SOURCEA, SOURCEB, CLK0, CE0, RST0,
    output P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
    output P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0
);
    initial begin
        if ((REG_INPUTA_CLK != "NONE" && REG_INPUTA_CLK != "CLK0")
            || (REG_INPUTB_CLK != "NONE" && REG_INPUTB_CLK != "CLK0")
            || (REG_PIPELINE_CLK != "NONE" && REG_PIPELINE_CLK != "CLK0")
            || (REG_OUTPUT_CLK != "NONE" && REG_OUTPUT_CLK != "CLK0"))
            $fatal(1, "MULT18X18D: only CLK0 is modelled");
        if (REG_INPUTA_CE != "CE0" || REG_INPUTB_CE != "CE0" || REG_PIPELINE_CE != "CE0"
            || REG_OUTPUT_CE != "CE0")
            $fatal(1, "MULT18X18D: only CE0 is modelled");
        if (REG_INPUTA_RST != "RST0" || REG_INPUTB_RST != "RST0" || REG_PIPELINE_RST != "RST0"
            || REG_OUTPUT_RST != "RST0" || RESETMODE != "SYNC")
            $fatal(1, "MULT18X18D: only a synchronous RST0 is modelled");
        // Enabled, the clock is divided by two and registers take both of its edges; disabled,
        // they take both edges of the clock itself.
        if (CLK0_DIV != "ENABLED") $fatal(1, "MULT18X18D: no double data rate is modelled");
        if (GSR != "DISABLED") $fatal(1, "MULT18X18D: no global reset is modelled");
        if (REG_INPUTC_CLK != "NONE" || SOURCEB_MODE != "B_SHIFT" || MULT_BYPASS != "DISABLED")
            $fatal(1, "MULT18X18D: neither operand C nor a bypass is modelled");
    end
    always @(SOURCEA, SOURCEB)
        if (SOURCEA || SOURCEB) $fatal(1, "MULT18X18D: no cascade is modelled");

    wire [18:0] a_pins = {
        SIGNEDA, A17, A16, A15, A14, A13, A12, A11, A10, A9, A8, A7, A6, A5, A4, A3, A2, A1, A0};
    wire [18:0] b_pins = {
        SIGNEDB, B17, B16, B15, B14, B13, B12, B11, B10, B9, B8, B7, B6, B5, B4, B3, B2, B1, B0};
    reg [18:0] a_register = 0, b_register = 0;
    reg [35:0] pipeline = 0, result = 0;

    // The sign pins have registers beside those of their operands.
    wire [18:0] a = REG_INPUTA_CLK == "NONE" ? a_pins : a_register;
    wire [18:0] b = REG_INPUTB_CLK == "NONE" ? b_pins : b_register;
    wire [35:0] product = {{18{a[18] & a[17]}}, a[17:0]} * {{18{b[18] & b[17]}}, b[17:0]};
    wire [35:0] multiplied = REG_PIPELINE_CLK == "NONE" ? product : pipeline;

    always @(posedge CLK0) begin
        if (RST0) {a_register, b_register, pipeline, result} <= 0;
        else if (CE0) begin
            a_register <= a_pins;
            b_register <= b_pins;
            pipeline <= product;
            result <= multiplied;
        end
    end

    assign {P35, P34, P33, P32, P31, P30, P29, P28, P27, P26, P25, P24, P23, P22, P21, P20, P19, P18,
            P17, P16, P15, P14, P13, P12, P11, P10, P9, P8, P7, P6, P5, P4, P3, P2, P1, P0}
        = REG_OUTPUT_CLK == "NONE" ? multiplied : result;
endmodule
