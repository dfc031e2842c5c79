// SPDX-License-Identifier: Apache-2.0
// What to look for with `extract`: two bits of an adder or subtractor whose operands are ANDs. Yosys
// uses two inputs of each LUT4 of a carry cell; multipliers made of logic begin with such adders.

module dpu_add_ands (
  input CIN, A0, A0S, B0, B0S, A1, A1S, B1, B1S, output S0, S1, COUT
);
  wire a0, b0, a1, b1;
  \$_AND_ and_a0 (.A(A0), .B(A0S), .Y(a0));
  \$_AND_ and_b0 (.A(B0), .B(B0S), .Y(b0));
  \$_AND_ and_a1 (.A(A1), .B(A1S), .Y(a1));
  \$_AND_ and_b1 (.A(B1), .B(B1S), .Y(b1));
  CCU2C #(
    .INIT0(16'h96AA), .INIT1(16'h96AA), .INJECT1_0("NO"), .INJECT1_1("NO")
  ) carry (
    .CIN(CIN), .COUT(COUT), .S0(S0), .S1(S1),
    .A0(a0), .B0(b0), .C0(1'b0), .D0(1'b1), .A1(a1), .B1(b1), .C1(1'b0), .D1(1'b1)
  );
endmodule

module dpu_subtract_ands (
  input CIN, A0, A0S, B0, B0S, A1, A1S, B1, B1S, output S0, S1, COUT
);
  wire a0, b0, a1, b1;
  \$_AND_ and_a0 (.A(A0), .B(A0S), .Y(a0));
  \$_AND_ and_b0 (.A(B0), .B(B0S), .Y(b0));
  \$_AND_ and_a1 (.A(A1), .B(A1S), .Y(a1));
  \$_AND_ and_b1 (.A(B1), .B(B1S), .Y(b1));
  CCU2C #(
    .INIT0(16'h96AA), .INIT1(16'h96AA), .INJECT1_0("NO"), .INJECT1_1("NO")
  ) carry (
    .CIN(CIN), .COUT(COUT), .S0(S0), .S1(S1),
    .A0(a0), .B0(b0), .C0(1'b1), .D0(1'b1), .A1(a1), .B1(b1), .C1(1'b1), .D1(1'b1)
  );
endmodule
