// SPDX-License-Identifier: Apache-2.0
// What a LUT4 of the ECP5 does (Lattice FPGA-TN-02200), for simulation.
module LUT4 #(
    parameter [15:0] INIT = 16'h0000
) (
    input A, B, C, D,
    output Z
);
  assign Z = INIT[{D, C, B, A}];
endmodule
