// SPDX-License-Identifier: Apache-2.0
// What becomes of the cells of ecp5_adders.v: carry cells that use all inputs of their LUT4.
//
// A LUT4 gives the sum without carry. Where it is zero, both operands are equal and the carry out is
// one of them. The cell takes that from the lower quarter of the LUT4's table, a function of A and B
// alone, which is right for an operand of A and B and a sum with the other operand zero.

module dpu_add_ands (
  input CIN, A0, A0S, B0, B0S, A1, A1S, B1, B1S, output S0, S1, COUT
);
  // (A & B) ^ (C & D)
  CCU2C #(
    .INIT0(16'h7888), .INIT1(16'h7888), .INJECT1_0("NO"), .INJECT1_1("NO")
  ) carry (
    .CIN(CIN), .COUT(COUT), .S0(S0), .S1(S1),
    .A0(A0), .B0(A0S), .C0(B0), .D0(B0S), .A1(A1), .B1(A1S), .C1(B1), .D1(B1S)
  );
endmodule

module dpu_subtract_ands (
  input CIN, A0, A0S, B0, B0S, A1, A1S, B1, B1S, output S0, S1, COUT
);
  // ~(A & B) ^ (C & D)
  CCU2C #(
    .INIT0(16'h8777), .INIT1(16'h8777), .INJECT1_0("NO"), .INJECT1_1("NO")
  ) carry (
    .CIN(CIN), .COUT(COUT), .S0(S0), .S1(S1),
    .A0(B0), .B0(B0S), .C0(A0), .D0(A0S), .A1(B1), .B1(B1S), .C1(A1), .D1(A1S)
  );
endmodule
