#!/usr/bin/env bats
# What was cut stays cut: over a clock set back, a reload, a restart, a reboot; until its date is
# moved, or root says that a wrong clock has latched it. Nobody sets a clock here: the day that is
# rehearsed moves instead.

bats_require_minimum_version 1.5.0
load ../../scripts/lab-lib.sh

setup_file() {
  lab_up
}

teardown_file() {
  lab_down
}

setup() {
  mkdir -p "$LAB_DIR/packs"
  cp -r "$LAB_TREE/config/vendors" "$LAB_TREE/config/measures" "$LAB_DIR/packs/"
}

teardown() {
  lab_stop cutoffd
  lab_in gateway nft delete table inet cutoffd 2>/dev/null || :
  rm -rf "$LAB_DIR"/{state,run,packs,events.json,cutoffd.log}
}

# policy MODE SECONDS [LINE...]: lab_policy, with packs that a test may amend.
policy() {
  lab_policy "$@"
  sed -i "s,^packs:.*,packs: [$LAB_DIR/packs]," "$LAB_DIR/cutoffd.yaml"
}

# amend DAY: the US cutoff's date.
amend() {
  sed -i "s/date: \"2024-09-29T/date: \"$1T/" "$LAB_DIR/packs/measures/us-kaspersky-2024.yaml"
  grep -q "date: \"$1T" "$LAB_DIR/packs/measures/us-kaspersky-2024.yaml"
}

reload() {
  local before
  before=$(reloads)
  kill -HUP "$(lab_pid cutoffd)"
  lab_wait 5 reloaded_since "$before"
}

reloads() {
  lab_events '.cutoff.kind == "reload"' | grep -c 'policy loaded' || :
}

reloaded_since() {
  (($(reloads) > $1))
}

# told FILTER TEXT: an event says it; the recorder may need a moment.
told() {
  lab_events "$1" | grep "$2"
}

# The machine starts anew: what the kernel held is gone.
reboot_gateway() {
  lab_stop cutoffd
  lab_in gateway nft delete table inet cutoffd
}

refuses() {
  lab_refuses https://s07.upd.kaspersky.com
}

passes() {
  [ "$(lab_fetch s07.upd.kaspersky.com)" = s07.upd.kaspersky.com ]
}

unlatch() {
  lab_in gateway "$LAB_BUILD/cutoffd" unlatch -c "$LAB_DIR/cutoffd.yaml" "$@"
}

latched() {
  lab_in gateway nft list set inet cutoffd latched | grep elements
}

# After this the cutoff has been in force, and by the clock is an hour ahead.
cut_and_set_back() {
  policy enforce -60
  lab_daemon
  refuses
  lab_stop cutoffd
  policy enforce 3600
}

@test "a clock set back lifts nothing, over a restart" {
  cut_and_set_back
  lab_daemon
  refuses
  lab_wait 3 told '.cutoff.kind == "clock"' 'earlier than it has been'
  lab_ctl status | grep 'in-force'
  lab_ctl status | grep 'IN DOUBT.*earlier'
  lab_ctl status --json | jq -e '.stages[0].latched == "yes" and (.clock.believed | not)'
}

@test "nor over a reload" {
  policy enforce -60
  lab_daemon
  refuses
  policy enforce 3600
  reload
  refuses
}

@test "nor over a reboot" {
  cut_and_set_back
  reboot_gateway
  lab_daemon
  refuses
}

@test "a cutoff that came while nobody was home is latched by who comes next" {
  policy enforce 2
  lab_daemon
  lab_stop cutoffd
  lab_until "$(lab_cutoff)" 100
  lab_daemon
  refuses
  lab_stop cutoffd
  policy enforce 3600
  reboot_gateway
  lab_daemon
  refuses
}

@test "what the clock has shown counts, though no packet came and nothing was enforced" {
  policy observe -60
  lab_daemon
  passes
  lab_stop cutoffd
  run ! grep -q '^latch' "$LAB_DIR/state/rehearsal/latched"
  policy enforce 3600
  lab_daemon
  refuses
}

@test "the file says it at the cutoff, before a packet is seen" {
  policy enforce 2
  lab_daemon
  run ! grep -q '^latch' "$LAB_DIR/state/rehearsal/latched"
  lab_until "$(lab_cutoff)"
  lab_wait 1 grep -q '^latch .* us-kaspersky-2024/updates kaspersky.updates ' \
    "$LAB_DIR/state/rehearsal/latched"
}

@test "an amendment to a later date lifts it, with an event, for good" {
  policy enforce -60
  lab_daemon
  refuses
  amend 2024-10-29
  reload
  passes
  lab_wait 3 told '.cutoff.kind == "latch" and .cutoff.stage == "updates"' 'later'
  "$LAB_TREE/tests/schema-check" <"$LAB_DIR/events.json"
  reboot_gateway
  lab_daemon
  passes
}

@test "an amendment while nobody is home lifts it as well" {
  policy enforce -60
  lab_daemon
  refuses
  lab_stop cutoffd
  amend 2024-10-29
  lab_daemon
  passes
  lab_wait 3 told '.cutoff.kind == "latch"' 'later'
}

@test "an amendment to an earlier date lifts nothing" {
  policy enforce -60
  lab_daemon
  refuses
  lab_stop cutoffd
  policy enforce $((20 * 86400))
  amend 2024-09-19
  lab_daemon
  refuses
  run ! lab_events '.cutoff.kind == "latch"'
}

@test "a rehearsal leaves nothing to the real day" {
  amend 2035-09-29
  policy enforce -60
  sed -i "s/^rehearse:.*/rehearse: {offset: $((2074651200 - $(lab_cutoff)))s}/" \
    "$LAB_DIR/cutoffd.yaml"
  lab_daemon
  refuses
  latched
  [ -e "$LAB_DIR/state/rehearsal/latched" ]
  sed -i '/^rehearse:/d' "$LAB_DIR/cutoffd.yaml"
  reload
  run ! latched
  [ ! -e "$LAB_DIR/state/rehearsal" ]
  passes
}

@test "nor does one over a restart" {
  amend 2035-09-29
  policy enforce -60
  sed -i "s/^rehearse:.*/rehearse: {offset: $((2074651200 - $(lab_cutoff)))s}/" \
    "$LAB_DIR/cutoffd.yaml"
  lab_daemon
  refuses
  lab_stop cutoffd
  sed -i '/^rehearse:/d' "$LAB_DIR/cutoffd.yaml"
  lab_daemon
  run ! latched
  [ ! -e "$LAB_DIR/state/rehearsal" ]
  passes
}

@test "a rehearsal of a day before takes nothing from the real day" {
  policy enforce -60
  sed -i '/^rehearse:/d' "$LAB_DIR/cutoffd.yaml"
  lab_daemon
  refuses
  latched
  policy enforce 3600
  reload
  run ! latched
  passes
  sed -i '/^rehearse:/d' "$LAB_DIR/cutoffd.yaml"
  reload
  latched
  grep -q '^latch' "$LAB_DIR/state/latched"
  refuses
}

@test "unlatch lifts it for good, and the reason is written down" {
  cut_and_set_back
  lab_daemon
  refuses
  run unlatch us-kaspersky-2024/updates --reason 'the clock was a year ahead'
  echo "$output"
  [ "$status" -eq 0 ]
  [[ $output == *lifted* ]]
  passes
  lab_wait 3 lab_events '.cutoff.kind == "latch" and (.cutoff.text | test("a year ahead"))'
  "$LAB_TREE/tests/schema-check" <"$LAB_DIR/events.json"
  lab_stop cutoffd
  lab_daemon
  passes
}

@test "unlatch refuses what has come by the clock, and what nobody has latched" {
  policy enforce -60
  lab_daemon
  refuses
  run unlatch us-kaspersky-2024/updates --reason 'I want it'
  echo "$output"
  [ "$status" -eq 1 ]
  [[ $output == *'has come by the clock'* ]]
  refuses
  run unlatch 4711 --reason 'no such thing'
  [ "$status" -eq 1 ]
  [[ $output == *'nothing that is called 4711'* ]]
  run unlatch 1
  [ "$status" -eq 2 ]
}

@test "an order given while nobody is home is carried out at the start" {
  cut_and_set_back
  run unlatch us-kaspersky-2024/updates --reason 'the clock was wrong'
  [ "$status" -eq 0 ]
  [[ $output == *waits* ]]
  lab_daemon
  passes
  lab_wait 3 told '.cutoff.kind == "latch"' 'the clock was wrong'
  [ ! -e "$LAB_DIR/state/unlatch" ]
}

@test "an order that root did not write is none" {
  cut_and_set_back
  unlatch us-kaspersky-2024/updates --reason 'the clock was wrong'
  chown nobody "$LAB_DIR/state/unlatch"
  lab_daemon
  refuses
  grep 'not carried out' "$LAB_DIR/cutoffd.log"
}

@test "what a clock in doubt has latched is held, told, and gone with the next boot" {
  local number
  policy enforce 3600
  lab_daemon
  passes
  number=$(awk '/^stage .* kaspersky.updates /{ print $2 }' "$LAB_DIR/state/numbers")
  lab_stop cutoffd
  lab_in gateway nft add element inet cutoffd latched "{ $number }"
  lab_daemon
  refuses
  lab_wait 3 lab_events '.cutoff.kind == "alarm" and (.cutoff.text | test("unlatch"))'
  grep "^suspect $number " "$LAB_DIR/state/rehearsal/latched"
  lab_ctl status | grep 'latched by a clock in doubt'
  reboot_gateway
  lab_daemon
  passes
}

@test "a damaged file is put aside, and what the kernel holds is kept" {
  cut_and_set_back
  sed -i 's/^latch/lotch/' "$LAB_DIR/state/rehearsal/latched"
  lab_daemon
  refuses
  lab_wait 3 told '.cutoff.kind == "alarm"' 'damaged'
  [ -e "$LAB_DIR/state/rehearsal/latched.damaged" ]
  grep 'latched:.*damaged.*backup' "$LAB_DIR/cutoffd.log"
}
