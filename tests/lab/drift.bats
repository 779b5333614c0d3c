#!/usr/bin/env bats
# A stranger works on nftables while packets flow: with an owner of the table, and without, as on
# Linux before 6.9.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

# A fresh link may lose its first neighbour solicitation, and a second with it.
setup_file() {
  lab_up
  [ "$(lab_fetch_plain dnl-01.geo.kaspersky.com -6)" = dnl-01.geo.kaspersky.com ]
}

teardown_file() {
  lab_down
}

setup() {
  lab_policy enforce -60
}

teardown() {
  lab_stop open
  lab_stop cutoffd
  lab_in gateway nft flush ruleset
  rm -rf "$LAB_DIR/state" "$LAB_DIR/run" "$LAB_DIR/events.json" "$LAB_DIR/cutoffd.log"
}

# The kernel gives no owner to a table that was made without: the one that the daemon tries it with
# is there already.
daemon_without_owner() {
  lab_in gateway nft add table inet cutoffd_probe
  lab_daemon
  run ! grep -q owner <(lab_table)
}

daemon_with_owner() {
  lab_daemon
  lab_table | grep -q owner || skip 'this kernel has no owner for tables'
}

stranger() {
  lab_in gateway nft "$1"
}

# After each thing that the stranger does: the banned is refused, the rest passes.
holds() {
  local command
  lab_download open https://www.example.org/slow
  for command; do
    stranger "$command" || return
    lab_refuses https://s07.upd.kaspersky.com -4 || return
    lab_refuses http://dnl-01.geo.kaspersky.com -6 || return
    [ "$(lab_fetch tip.kaspersky.com)" = tip.kaspersky.com ] || return
  done
  lab_is_running open && lab_download_grows open
}

drift_event() {
  lab_events ".cutoff.kind == \"$1\" and (.cutoff.text | test(\"$2\"))"
}

@test "owned: a stranger's flush ruleset leaves the table alone, and nothing is let through" {
  daemon_with_owner
  stranger 'table inet other { chain c { type filter hook forward priority 0; }; }'
  holds 'flush ruleset' 'flush ruleset' 'flush ruleset'
  lab_table
  run ! stranger 'list table inet other'
  run ! drift_event drift .
}

@test "owned: a stranger can neither delete nor change it" {
  daemon_with_owner
  run ! stranger 'delete table inet cutoffd'
  run ! stranger 'insert rule inet cutoffd enforce_forward accept'
  run ! stranger 'flush chain inet cutoffd enforce_forward'
  run ! stranger 'flush map inet cutoffd class_of'
  holds
  run ! drift_event drift .
}

@test "not owned: what a stranger takes away is put back, and nothing is let through" {
  daemon_without_owner
  holds 'flush ruleset' 'delete table inet cutoffd' 'flush table inet cutoffd' \
    'insert rule inet cutoffd enforce_forward accept' 'flush map inet cutoffd class_of'
  lab_wait 3 drift_event drift 'class_of is gone'
}

@test "not owned: events say what was gone, by whom and how long; the second time is an alarm" {
  daemon_without_owner
  stranger 'delete table inet cutoffd'
  lab_wait 3 drift_event drift \
    '^table inet cutoffd is gone .by nft, process [0-9]+.; put back after [0-9]{1,2} ms$'
  run ! drift_event alarm .
  stranger 'flush chain inet cutoffd enforce_output'
  lab_wait 3 drift_event drift 'chain enforce_output is gone.*put back after [0-9]{1,2} ms$'
  lab_wait 3 drift_event alarm 'changed again and again .by nft'
  run lab_ctl status
  [[ $output == *'Drift      repairs 2,'* ]]
  "$LAB_TREE/tests/schema-check" <"$LAB_DIR/events.json"
}

@test "not owned: other tables stay as they are, and their changes are nobody's concern" {
  local before
  daemon_without_owner
  stranger 'table inet other { set s { type ipv4_addr; }; chain c { ip saddr @s drop; }; }'
  before=$(stranger 'list table inet other')
  stranger 'delete table inet cutoffd'
  lab_wait 3 drift_event drift 'table inet cutoffd is gone'
  [ "$(stranger 'list table inet other')" = "$before" ]
  stranger 'add element inet other s { 192.0.2.200 }; delete table inet other'
  run lab_ctl status
  [[ $output == *'Drift      repairs 1,'* ]]
}

@test "not owned: a flow that was cut stays cut, and one that is allowed goes on, in a storm" {
  local _
  daemon_without_owner
  lab_download open https://www.example.org/slow
  for _ in {1..20}; do
    stranger 'flush ruleset'
    lab_refuses https://s07.upd.kaspersky.com
  done
  lab_is_running open && lab_download_grows open
  lab_wait 3 lab_table
}
