// SPDX-License-Identifier: Apache-2.0
// Names of the design's ports in the C++ of Verilator, which writes the second of two underscores
// as ___05F and puts a prefix before its reserved words.
#pragma once

#define AXI(name) axi___05F##name
#define CONTROL(name) control___05F##name
#define TRACE(name) trace___05F##name
#define INTERRUPT __SYM__interrupt
