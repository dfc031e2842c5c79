/* SPDX-License-Identifier: Apache-2.0 */
#include "print.h"

#include "port.h"

void print(const char *text)
{
    for (; *text != 0; ++text) {
        if (*text == '\n') port_put('\r');
        port_put(*text);
    }
}

/* By subtraction: the CPU doesn't divide. */
void print_number(uint32_t value)
{
    static const uint32_t powers[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                      10000,      1000,      100,      10,      1};
    int begun = 0;
    for (unsigned index = 0; index < sizeof powers / sizeof *powers; ++index) {
        char digit = '0';
        for (; value >= powers[index]; value -= powers[index]) ++digit;
        begun |= digit != '0' || powers[index] == 1;
        if (begun) port_put(digit);
    }
}

void print_hex(uint32_t value)
{
    print("0x");
    for (int shift = 28; shift >= 0; shift -= 4) port_put("0123456789ABCDEF"[value >> shift & 15]);
}
