// SPDX-License-Identifier: Apache-2.0
// The beginning of an ECP5's carry chain, for Yosys' techmap.
//
// nextpnr puts a CCU2C of its own in front of a chain whose carry is a constant, and feeds it from the one
// wire that carries this constant through the whole FPGA. Here that CCU2C makes the constant itself: its
// inputs are high, which takes no wire.
(* techmap_celltype = "CCU2C" *)
module ccu2c_start (
    input CIN, A0, B0, C0, D0, A1, B1, C1, D1,
    output S0, S1, COUT
);
    parameter INIT0 = 16'h0000;
    parameter INIT1 = 16'h0000;
    parameter INJECT1_0 = "YES";
    parameter INJECT1_1 = "YES";
    parameter _TECHMAP_CONSTMSK_CIN_ = 1'b0;
    parameter _TECHMAP_CONSTVAL_CIN_ = 1'bx;

    wire _TECHMAP_FAIL_ = !_TECHMAP_CONSTMSK_CIN_ || _TECHMAP_CONSTVAL_CIN_ === 1'bx;
    localparam ONE = _TECHMAP_CONSTVAL_CIN_ === 1'b1;

    wire carry;
    // With all inputs high a half passes its carry on if bit 15 is set, else it gives out bit 3.
    CCU2C #(
        .INIT0(ONE ? 16'h0008 : 16'h0000),
        .INIT1(ONE ? 16'h8000 : 16'h0000),
        .INJECT1_0("NO"),
        .INJECT1_1("NO")
    ) start (
        .CIN(1'bx),
        .A0(1'b1), .B0(1'b1), .C0(1'b1), .D0(1'b1),
        .A1(1'b1), .B1(1'b1), .C1(1'b1), .D1(1'b1),
        .COUT(carry)
    );
    CCU2C #(
        .INIT0(INIT0), .INIT1(INIT1), .INJECT1_0(INJECT1_0), .INJECT1_1(INJECT1_1)
    ) _TECHMAP_REPLACE_ (
        .CIN(carry),
        .A0(A0), .B0(B0), .C0(C0), .D0(D0),
        .A1(A1), .B1(B1), .C1(C1), .D1(D1),
        .S0(S0), .S1(S1), .COUT(COUT)
    );
endmodule
