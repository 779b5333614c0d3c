#!/usr/bin/env bats
# After a reboot: what is in force before any daemon runs. The gateway's kernel loses its table and
# its connections, as it would then; the state directory stays.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
}

teardown_file() {
  lab_down
}

teardown() {
  lab_stop cutoffd
  lab_stop ping
  lab_in gateway nft delete table inet cutoffd 2>/dev/null || :
  rm -rf "$LAB_DIR"/{state,run,other,events.json,cutoffd.log,ping.log}
}

# A gateway on which the daemon ran, with its cutoff in the past, and which then was rebooted.
rebooted() {
  lab_policy enforce -60
  lab_daemon
  lab_stop cutoffd
  lab_table >/dev/null
  lab_reboot
  run ! lab_table
}

# Echo requests in one flow, a hundred a second.
begin_pings() {
  lab_spawn ping client ping -n -i 0.01 "$LAB_SHARED_4"
  lab_wait 5 pings_pass
}

pings_passed() {
  grep -c "bytes from $LAB_SHARED_4" "$LAB_DIR/ping.log"
}

pings_pass() {
  (($(pings_passed) > ${1:-0}))
}

pings_refused() {
  grep -ciE '^From 10\.47\.0\.1 .*(filtered|prohibited)' "$LAB_DIR/ping.log"
}

pings_are_refused() {
  (($(pings_refused) > ${1:-0}))
}

# The banned service's class, as the sensor would have written it into the flow's mark.
mark_pings() {
  local class
  class=$(sed -n 's/^class \([0-9]*\) kaspersky.updates$/\1/p' "$LAB_DIR/state/numbers")
  lab_in gateway conntrack -U -p icmp -d "$LAB_SHARED_4" --mark $((class << 16))/$((0xfff0000))
}

# The kernel's numbers of the table and its chains: others, if any was made anew.
handles() {
  lab_in gateway nft -a list table inet cutoffd |
    grep -oE '^(table|[[:space:]]chain) .*# handle [0-9]+'
}

@test "the table is there before any daemon, refuses what is marked, and run takes it over without a gap" {
  local passed refused before
  rebooted
  begin_pings
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output == *"in force: "*", mode enforce"* ]]
  lab_wait 5 pings_pass "$(pings_passed)" # nobody looked at this flow yet
  mark_pings
  lab_wait 5 pings_are_refused
  passed=$(pings_passed)
  before=$(handles)
  lab_daemon
  diff <(handles) - <<<"$before"
  refused=$(pings_refused)
  lab_wait 5 pings_are_refused "$refused"
  [ "$(pings_passed)" -eq "$passed" ]
  lab_refuses https://s07.upd.kaspersky.com
  [ "$(lab_fetch tip.kaspersky.com)" = tip.kaspersky.com ]
}

@test "what a reload has put in force is what is restored" {
  lab_policy observe -60
  lab_daemon
  sed -i 's/^mode: observe/mode: enforce/' "$LAB_DIR/cutoffd.yaml"
  kill -HUP "$(lab_pid cutoffd)"
  lab_wait 5 lab_events '.event_type == "cutoff" and .cutoff.kind == "reload"'
  lab_stop cutoffd
  lab_reboot
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output == *"mode enforce"* ]]
}

@test "settings that changed since, or are broken, are not read" {
  rebooted
  echo 'modes: enforce' >>"$LAB_DIR/cutoffd.yaml"
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output != *cutoffd.yaml* ]]
  lab_table
}

@test "a damaged state file is reported, and the settings are compiled anew" {
  rebooted
  sed -i 's/enforce/observe/' "$LAB_DIR/state/compiled"
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output == *"$LAB_DIR/state/compiled: damaged"*"compiling $LAB_DIR/cutoffd.yaml anew"* ]]
  [[ $output == *"mode enforce"* ]]
  lab_table
  lab_reboot
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output != *damaged* ]]
}

@test "without a state file, and with a policy that has an error, it says both and fails" {
  rebooted
  rm "$LAB_DIR/state/compiled"
  echo 'modes: enforce' >>"$LAB_DIR/cutoffd.yaml"
  run lab_restore
  [ "$status" -eq 1 ]
  [[ $output == *"state/compiled: No such file"*cutoffd.yaml:*modes* ]]
  run ! lab_table
}

@test "after stop-enforcing nothing is restored, until run is started again" {
  lab_policy enforce -60
  lab_daemon
  lab_in gateway "$LAB_BUILD/cutoffd" stop-enforcing -c "$LAB_DIR/cutoffd.yaml"
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output == *"nothing is restored"* ]]
  run ! lab_table
  rm "$LAB_DIR/state/compiled" # by the other way neither
  run lab_restore
  [ "$status" -eq 0 ]
  run ! lab_table
  lab_daemon
  lab_stop cutoffd
  lab_reboot
  lab_restore
  lab_table
}

@test "a daemon that runs is left alone" {
  local before
  lab_policy enforce -60
  lab_daemon
  before=$(handles)
  run lab_restore
  [ "$status" -eq 1 ]
  [[ $output == *"another cutoffd (process $(lab_pid cutoffd))"* ]]
  [ "$(handles)" = "$before" ]
  lab_is_running cutoffd
}

@test "a gateway that became a mirror port's has nothing to restore" {
  rebooted
  sed -i 's/^capture: passive/capture: tap/; s/^mode: enforce/mode: observe/' \
    "$LAB_DIR/cutoffd.yaml"
  lab_daemon
  [ ! -e "$LAB_DIR/state/compiled" ]
  lab_stop cutoffd
  run lab_restore
  [ "$status" -eq 0 ]
  [[ $output == *"mirror port"* ]]
  run ! lab_table
}
