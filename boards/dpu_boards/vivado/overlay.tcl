# SPDX-License-Identifier: Apache-2.0
# Builds the overlay of a Tandem DPU for a board with a Zynq-7000:
#   vivado -mode batch -source build.tcl
# gives NAME.bit and NAME.hwh beside this file, and reports of timing and utilization.

# Filled in by `dpu build`.
set name @NAME@
set part @PART@
set board_pattern @BOARD_PATTERN@
set clock_mhz @CLOCK_MHZ@
set memory_bytes @MEMORY_BYTES@
set register_base @REGISTER_BASE@
set register_bytes @REGISTER_BYTES@
# The bits of a memory port, and the numbers of the HP ports that are used.
set port_bits @PORT_BITS@
set ports {@PORTS@}
set sources {@SOURCES@}
# The processor's settings where Vivado doesn't have the board's own.
set processor_settings {
@PROCESSOR_SETTINGS@
}

set folder [file normalize [file dirname [info script]]]
set project_folder [file join $folder vivado]

# The project, with the board's preset if its board file is installed.
create_project -force $name $project_folder -part $part
set board_parts [get_board_parts -quiet -latest_file_version $board_pattern]
set has_preset [expr {[llength $board_parts] > 0}]
if {$has_preset} {
    set_property board_part [lindex $board_parts 0] [current_project]
} else {
    puts "No board file matches $board_pattern: the processor's settings are those of this script."
}
foreach source $sources {
    add_files -norecurse [file join $folder $source]
}
update_compile_order -fileset sources_1

# Cells.
create_bd_design $name
create_bd_cell -type ip -vlnv xilinx.com:ip:processing_system7:5.5 ps
create_bd_cell -type ip -vlnv xilinx.com:ip:proc_sys_reset:5.0 reset
create_bd_cell -type ip -vlnv xilinx.com:ip:axi_interconnect:2.1 interconnect
create_bd_cell -type module -reference @MODULE@ dpu

# The processor: the board's DDR and pins first, then what the DPU needs.
if {!$has_preset} {
    set_property -dict $processor_settings [get_bd_cells ps]
}
apply_bd_automation -rule xilinx.com:bd_rule:processing_system7 -config [list \
    make_external "FIXED_IO, DDR" apply_board_preset $has_preset Master Disable Slave Disable \
] [get_bd_cells ps]
set needs [list \
    CONFIG.PCW_USE_M_AXI_GP0 1 \
    CONFIG.PCW_EN_CLK0_PORT 1 \
    CONFIG.PCW_EN_RST0_PORT 1 \
    CONFIG.PCW_FPGA0_PERIPHERAL_FREQMHZ $clock_mhz \
    CONFIG.PCW_USE_FABRIC_INTERRUPT 1 \
    CONFIG.PCW_IRQ_F2P_INTR 1 \
]
foreach port $ports {
    lappend needs CONFIG.PCW_USE_S_AXI_HP$port 1
    lappend needs CONFIG.PCW_S_AXI_HP${port}_DATA_WIDTH $port_bits
}
set_property -dict $needs [get_bd_cells ps]
set_property -dict [list CONFIG.NUM_SI 1 CONFIG.NUM_MI 1] [get_bd_cells interconnect]

# Clock and resets: one domain for everything.
set clocked {
    ps/M_AXI_GP0_ACLK reset/slowest_sync_clk
    interconnect/ACLK interconnect/S00_ACLK interconnect/M00_ACLK dpu/aclk
}
foreach port $ports {
    lappend clocked ps/S_AXI_HP${port}_ACLK
}
foreach pin $clocked {
    connect_bd_net [get_bd_pins ps/FCLK_CLK0] [get_bd_pins $pin]
}
connect_bd_net [get_bd_pins ps/FCLK_RESET0_N] [get_bd_pins reset/ext_reset_in]
connect_bd_net [get_bd_pins reset/interconnect_aresetn] [get_bd_pins interconnect/ARESETN]
foreach pin {interconnect/S00_ARESETN interconnect/M00_ARESETN dpu/aresetn} {
    connect_bd_net [get_bd_pins reset/peripheral_aresetn] [get_bd_pins $pin]
}

# Registers by GP0 (AXI3, made AXI4-Lite on the way), memory straight to the HP ports.
connect_bd_intf_net [get_bd_intf_pins ps/M_AXI_GP0] [get_bd_intf_pins interconnect/S00_AXI]
connect_bd_intf_net [get_bd_intf_pins interconnect/M00_AXI] [get_bd_intf_pins dpu/@CONTROL@]
foreach port $ports {
    connect_bd_intf_net [get_bd_intf_pins dpu/m_axi_hp$port] [get_bd_intf_pins ps/S_AXI_HP$port]
}
connect_bd_net [get_bd_pins dpu/interrupt] [get_bd_pins ps/IRQ_F2P]

# Addresses.
assign_bd_address -force -offset $register_base -range $register_bytes \
    -target_address_space [get_bd_addr_spaces ps/Data] \
    [get_bd_addr_segs -of_objects [get_bd_intf_pins dpu/@CONTROL@]]
foreach port $ports {
    assign_bd_address -force -offset 0 -range $memory_bytes \
        -target_address_space [get_bd_addr_spaces dpu/m_axi_hp$port] \
        [get_bd_addr_segs ps/S_AXI_HP$port/HP${port}_DDR_LOWOCM]
}
validate_bd_design
save_bd_design

# Bitstream.
set design [get_files $name.bd]
generate_target all $design
add_files -norecurse [make_wrapper -top -files $design]
set_property top ${name}_wrapper [get_filesets sources_1]
update_compile_order -fileset sources_1
launch_runs impl_1 -to_step write_bitstream -jobs 4
wait_on_run impl_1
set run [get_runs impl_1]
if {[get_property PROGRESS $run] ne "100%"} {
    error "No bitstream: [get_property STATUS $run]; the log is [get_property DIRECTORY $run]/runme.log."
}

# What PYNQ needs: both files by one name. Until Vivado 2020.2 the .hwh was among the sources.
set hwh ""
foreach part_of_project {gen srcs} {
    set pattern $name.$part_of_project/sources_1/bd/$name/hw_handoff/$name.hwh
    foreach found [glob -nocomplain [file join $project_folder $pattern]] {
        if {$hwh eq ""} { set hwh $found }
    }
}
if {$hwh eq ""} {
    error "Vivado wrote no $name.hwh below $project_folder."
}
file copy -force $hwh [file join $folder $name.hwh]
file copy -force [file join [get_property DIRECTORY $run] ${name}_wrapper.bit] \
    [file join $folder $name.bit]
open_run impl_1
report_timing_summary -file [file join $folder timing.rpt]
report_utilization -hierarchical -file [file join $folder utilization.rpt]
set slack [get_property STATS.WNS $run]
puts "Wrote $name.bit and $name.hwh; worst slack $slack ns at $clock_mhz MHz."
if {$slack < 0} {
    error "Timing fails by $slack ns: build with a lower --clock."
}
